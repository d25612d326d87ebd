"""The mutation run: each mutant alone in a copy of the tree, before the tests that are nearest to it. `make mutants`."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue

from mutants.mutant import ListRefused, Mutant, read_lists
from mutants.score import Fate, Score, table
from mutants.symbols import Stale, change_of
from mutants.trees import Outcome, Tree, Verdict

ROOT = Path(__file__).parents[2]
LISTS = Path(__file__).parent / "lists"
AT_ONCE = 2
TIMEOUT_S = 90.0  # of the tests of one mutant
UNCHANGED_S = 3600.0  # of all nearest tests, without any mutant

_FATES = {Verdict.FAILED: Fate.KILLED, Verdict.PASSED: Fate.SURVIVED, Verdict.BROKEN: Fate.STALE}

Trees = SimpleQueue[Tree]  # those that are free


def main(arguments: Sequence[str], root: Path = ROOT, lists: Path = LISTS) -> int:
    """Return the exit status: 0 where each package is good, 1 where one is not, 2 where nothing can be said."""
    options = _parser().parse_args(arguments)
    try:
        mutants = _chosen(read_lists(lists), options)
    except ListRefused as refused:
        _say(refused)
        return 2
    if options.list:
        _say(*(f"{mutant}  {mutant.symbol}" for mutant in mutants))
        return 0
    with _copies(root) as trees:
        if failing := _failing_anyway(trees, mutants):
            _say("Without any mutant, the nearest tests fail:", failing)
            return 2
        scores = _tried(trees, mutants)
    _say(*table(scores))
    return 0 if all(score.good for score in scores.values()) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.partition(".")[0])
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this mutant; may be repeated")
    parser.add_argument("--package", action="append", default=[], metavar="P", help="this package; may be repeated")
    parser.add_argument("--list", action="store_true", help="print the mutants, and try none")
    return parser


def _chosen(mutants: Sequence[Mutant], options: argparse.Namespace) -> Sequence[Mutant]:
    """Raises ListRefused for a name that no mutant has."""
    packages, names = {each.package for each in mutants}, {name for each in mutants for name in (each.name, str(each))}
    if unknown := sorted({*options.package} - packages | {*options.only} - names):
        raise ListRefused(f"there is no {unknown[0]}; --list shows what there is")
    return [
        each
        for each in mutants
        if (not options.package or each.package in options.package)
        and (not options.only or {each.name, str(each)} & {*options.only})
    ]


@contextmanager
def _copies(root: Path) -> Iterator[Trees]:
    """Yield copies of the tree; what runs in them ends with the block, be it by an interruption."""
    with ExitStack() as stack:
        trees: Trees = SimpleQueue()
        for _ in range(AT_ONCE):
            tree = Tree(root, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mutants-"))))
            stack.callback(tree.end)
            trees.put(tree)
        yield trees


def _failing_anyway(trees: Trees, mutants: Sequence[Mutant]) -> str:
    """Return what the tests say that fail on the tree as it is: they would kill whatever they meet."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    _say(f"The nearest tests of {len(mutants)} mutants, without any: {len(tests)} places")
    with ThreadPoolExecutor(AT_ONCE) as threads:
        outcomes = threads.map(lambda share: _run(trees, share), filter(None, (tests[::2], tests[1::2])))
        return "\n".join(outcome.said for outcome in outcomes if outcome.verdict is not Verdict.PASSED)


def _run(trees: Trees, tests: Sequence[str]) -> Outcome:
    tree = trees.get()
    try:
        return tree.run(tests, timeout_s=UNCHANGED_S)
    finally:
        trees.put(tree)


def _tried(trees: Trees, mutants: Sequence[Mutant]) -> dict[str, Score]:
    scores = {mutant.package: Score() for mutant in mutants}
    threads = ThreadPoolExecutor(AT_ONCE)
    try:
        running = {threads.submit(_try, trees, mutant): mutant for mutant in mutants}
        for number, done in enumerate(as_completed(running), start=1):
            mutant, (fate, outcome) = running[done], done.result()
            scores[mutant.package].of[fate].append(mutant)
            _say(f"{number:4}/{len(mutants)}  {fate.value:9}{outcome.seconds:6.1f} s  {mutant}")
            if fate is Fate.STALE:
                _say(outcome.said)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
    return scores


def _try(trees: Trees, mutant: Mutant) -> tuple[Fate, Outcome]:
    tree = trees.get()
    try:
        with tree.changed(change_of(mutant, tree.root)):
            outcome = tree.run(mutant.tests, "-x", timeout_s=TIMEOUT_S)
    except Stale as stale:
        return Fate.STALE, Outcome(Verdict.BROKEN, 0.0, str(stale))
    finally:
        trees.put(tree)
    return _FATES[outcome.verdict], outcome


def _say(*lines: object) -> None:
    for line in lines:
        print(line, flush=True)  # noqa: T201  it is what the run is for


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
