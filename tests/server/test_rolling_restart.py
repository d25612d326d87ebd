"""A rolling restart of servers behind a balancer, in the way of a Deployment: no request fails."""

import re
import signal
from contextlib import ExitStack
from dataclasses import replace

import pytest

from docs.markdown import ROOT
from sealring.operator.installation import SETTINGS_FILE
from support.balancer import balancing
from support.live import live_server, running
from support.steady import steady
from support.waiting import becomes_true, pause

CHARTS = int(re.search(r"preStopSeconds: (\d+)", (ROOT / "helm/sealring/values.yaml").read_text())[1])
ENDPOINTS_S = 2.0  # until every node knows that a pod leaves


@pytest.mark.parametrize(
    ("requests", "endpoints_s", "sleeps_s"),
    [
        pytest.param(800, 0.2, 0.5, id="short"),
        pytest.param(20_000, ENDPOINTS_S, CHARTS, id="chart", marks=(pytest.mark.torture, pytest.mark.timeout(900))),
    ],
)
def test_no_request_fails_while_each_server_is_replaced(tmp_path, requests, endpoints_s, sleeps_s):
    with ExitStack() as stack:
        first = stack.enter_context(live_server(tmp_path, workers=2))

        def started(number):
            log = tmp_path / f"server-{number}.log"
            return stack.enter_context(running(first.folder / SETTINGS_FILE, log, first.kms))

        servers = [first, started(1)]
        balancer = stack.enter_context(balancing(*(each.url for each in servers)))
        load = stack.enter_context(steady(replace(first, url=balancer.url), clients=8))
        replaced = 0
        while replaced < 2 or load.answered < requests:
            replaced += 1
            servers.append(started(1 + replaced))  # before another one leaves
            balancer.urls.append(servers[-1].url)
            old = servers.pop(0)
            pause(endpoints_s)
            balancer.urls.remove(old.url)
            pause(sleeps_s - endpoints_s)  # the preStop hook
            old.process.send_signal(signal.SIGTERM)
            assert old.process.wait(30) == 0
            goal = load.answered + requests // 8
            assert becomes_true(lambda goal=goal: load.answered >= goal, within_s=120)
        load.end()

    assert load.failed == []
    assert load.answered >= requests
