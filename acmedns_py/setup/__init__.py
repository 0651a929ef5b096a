"""What a new server needs around it: its first configuration, the records of others, open ports."""
