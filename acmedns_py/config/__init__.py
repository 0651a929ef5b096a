"""What the operator wrote, in files and in the environment, checked whole and given as frozen settings."""
