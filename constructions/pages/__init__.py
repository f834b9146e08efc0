"""A machine as a page for the browser: one file that needs no network."""
