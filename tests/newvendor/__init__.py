"""The guide for a new vendor, proven: Whimbrel is made up, its adapter is what docs/new-vendor.md quotes.

To Python this folder is what an installed package is: `whimbrel/`, and a `dist-info` that names its
entry point.
"""
