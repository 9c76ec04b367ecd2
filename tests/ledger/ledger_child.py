"""A process that writes to a ledger, for test_processes.py: python ledger_child.py LEDGER NAME THREADS
FIRST COUNT.

Every thread appends decisions under idempotency keys NAME-THREAD-N, N from FIRST, COUNT of them (0: until
killed), and prints "key seq hash" once the append has returned.
"""

import random
import sys
import threading

from ledger_sample import AT, index, request

from engine.ledger import entries
from engine.ledger.append import Writer
from engine.ledger.store import Store


def main() -> None:
    path, name, threads, first, count = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
    writer = Writer(Store(path))

    def work(thread: int) -> None:
        chance = random.Random(thread)
        number = first
        while not count or number < first + count:
            key = f"{name}-{thread}-{number}"
            draft = entries.decision(
                {"key": key, "fill": "x" * chance.randrange(20_000)},
                index(chance),
                AT,
                request=request(key, key),
            )
            receipt = writer.append(draft)
            sys.stdout.write(f"{key} {receipt.seq} {receipt.hash}\n")
            sys.stdout.flush()
            number += 1

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


main()
