"""The HTTP API: acme-dns's routes, letter for letter where a client can see it, over the use cases of `accounts`."""
