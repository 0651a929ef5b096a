"""The lab: a small Internet in a private network namespace, in which real ACME clients get real certificates.

Nothing in it leaves the machine, needs root, or is faked: root, TLD and parent zone on NSD, unbound as everybody's
resolver and as the CA's, Pebble as the CA, our server on port 53 of addresses that look public.
"""
