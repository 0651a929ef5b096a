"""The DNS process: reads the sockets it inherited, answers from memory, and holds nothing worth stealing."""
