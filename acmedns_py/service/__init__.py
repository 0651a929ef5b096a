"""The control process: binds every socket, owns the store, runs the API, feeds the DNS workers."""
