"""The only SQL of the program: what is durable, in which order, and who may write it (door: `store.store.SqlStore`)."""
