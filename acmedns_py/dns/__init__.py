"""The DNS core: octets of a query in, octets of its response out; no socket, clock, log or await."""
