"""Up to which length each arithmetic is proved to decode every word."""
