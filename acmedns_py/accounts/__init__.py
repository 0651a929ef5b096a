"""Accounts and their rules: who may write which challenge name, without HTTP and without SQL."""
