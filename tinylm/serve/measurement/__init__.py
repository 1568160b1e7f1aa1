"""The serving process under measurement: what `tinylm check-budgets --serve` starts instead of the runtime's probes.

probe.py              the latency probe: does the certified requests over HTTP and reads the server's memory
memory_probe.py       where the server's memory goes, part by part, and whether it grows
stepwise.py           the server of the memory probe, which is built up a part at a time
server_process.py     a server as a child process: started, read and ended
requests.py           the certified requests as HTTP requests, and what their answers say
golden.py             does the server answer what came with the bundle?
"""
