import os
import signal
from dataclasses import dataclass, field

import pytest

from secrecy.disasters import (
    fill,
    lose_store,
    send_a_body_over_the_limit,
    send_what_the_http_server_refuses,
    tamper,
)
from secrecy.drive import Driver
from secrecy.driven import Driven
from secrecy.rings import alter_dek, lose_store_of_keyrings, misuse_keyrings, use_keyrings
from secrecy.surroundings import files, store_keys, store_values
from support.collecting import TELL, collecting
from support.live import live_server
from support.scraping import Metrics
from support.waiting import becomes_true


@dataclass(frozen=True)
class Aftermath:
    """What was driven through a server, and all that is left of it."""

    driven: Driven = field(repr=False)
    store_keys: bytes = field(repr=False)
    store_values: bytes = field(repr=False)
    files: dict[str, bytes] = field(repr=False)
    key_files: dict[str, bytes] = field(repr=False)
    metrics: bytes = field(repr=False)
    traces: bytes = field(repr=False)


@pytest.fixture(scope="session")
def aftermath(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrecy")
    driven, told = Driven(), Metrics()
    with (
        collecting() as collector,
        live_server(
            folder, workers=1, threads=8, more=told.settings + TELL.format(endpoint=collector.endpoint)
        ) as live,
    ):
        driver = Driver(live, driven)
        made, ring = _drive(driver)
        keys, values = store_keys(live), store_values(live)
        with live.store as store:
            os.kill(store.info("server")["process_id"], signal.SIGKILL)
        lose_store(driver, made)
        lose_store_of_keyrings(driver, ring)
        metrics = told.text().encode()
        assert becomes_true(lambda: len(collector.named("GET /vault/v1/kv/{object_id}")) > 0)
        traces = b"".join(collector.bodies)
    key_files = {name: (folder / name).read_bytes() for name in ("root.key", "token-key.pem")}
    return Aftermath(driven, keys, values, files(folder), key_files, metrics, traces)


def _drive(driver):
    driver.succeed()
    driver.make_a_link()
    blob = driver.use_keys()
    driver.use_batches()
    ring = use_keyrings(driver)
    made = driver.create("lasting")
    driver.send_bad_bodies(made)
    driver.send_bad_targets(made)
    driver.send_bad_tokens()
    driver.send_conflicts(made)
    driver.send_bad_blobs(blob)
    send_what_the_http_server_refuses(driver)
    send_a_body_over_the_limit(driver)
    misuse_keyrings(driver, ring)
    tamper(driver)
    alter_dek(driver, ring)
    fill(driver, made)
    return made, ring
