"""Work in child processes, beside other work: started, slowed down, stopped; for any VM."""
