"""How fast the bridge is, as ratios from one run: `make bench`."""
