"""What more than one store's reader needs."""
