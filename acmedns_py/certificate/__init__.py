"""The API's own certificate: when it is renewed, what is kept on disk, how a CA is asked for it by ACME (RFC 8555)."""
