"""Noisy clients, as a process of their own: it prints a line when they run, and ends with its input.

Usage: noise.py ADDRESS PORT, and on the input a line of JSON for each client: {"per_second": float or null, "request":
the bytes of a request in Base64}. A client without a pace sends the next request with the answer to the last.
"""

import asyncio
import base64
import json
import random
import sys


async def noisy(address, port, per_second, request):
    loop, turn = asyncio.get_running_loop(), 0
    reader, writer = await asyncio.open_connection(address, port)
    if per_second is not None:
        await asyncio.sleep(random.random() / per_second)
    began = loop.time()
    while True:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        turn += 1
        if per_second is not None:
            await asyncio.sleep(max(0.0, began + turn / per_second - loop.time()))


async def main(address, port):
    clients = [json.loads(line) for line in iter(sys.stdin.readline, "\n")]
    running = [
        asyncio.create_task(noisy(address, port, each["per_second"], base64.b64decode(each["request"])))
        for each in clients
    ]
    print("running", flush=True)  # noqa: T201
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait([over, *running], return_when=asyncio.FIRST_COMPLETED)
    for each in running:
        if each.done():
            each.result()
        each.cancel()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
