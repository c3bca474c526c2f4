"""What can be queued: the kinds of deliveries, and the typed payload of each."""
