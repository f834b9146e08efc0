"""Every command, once. It stands above all rooms and alone imports from all of them."""
