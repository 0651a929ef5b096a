"""acmedns-py: an authoritative DNS server for ACME dns-01 challenges that speaks the acme-dns API."""
