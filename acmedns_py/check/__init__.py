"""The check: walks what a CA would walk, and says what is in its way; collecting and judging are apart."""
