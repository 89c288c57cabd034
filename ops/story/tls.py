"""The seed's second incident: TLS handshakes fail after a build with the wrong compiler."""

from __future__ import annotations

from datetime import timedelta

from ops.story.told import Told

TLS = Told(
    title="TLS handshake errors: built with Go 1.21, run with Go 1.19",
    severity="P1",
    ago=timedelta(days=19),
    clock=(2, 13),
    services=[("payment", "origin"), ("gateway", "affected"), ("checkout", "affected")],
    people=[("marco", "commander"), ("priya", "responder"), ("lin", "responder")],
    marks={"detected_at": 150, "acknowledged_at": 260, "mitigated_at": 900, "resolved_at": 1020},
    summary=(
        "TLS handshake errors in the small hours, with 503 for 42 % of the requests, for 17 minutes. "
        "CI built with golang:1.21-alpine; the hosts ran go1.19.2 from the distribution."
    ),
    fields={"phase": "night operation", "impact_minutes": 17, "failure_percent": "42"},
    entries={
        "marco": [
            (150, "alert", "detection", True, "Pager: payment 5xx ratio 0.42 for 2 minutes."),
            (260, "decision", "", False, "Took command; payment callbacks are held in the queue."),
            (900, "decision", "repair", True, "Traffic moved to the blue pool, still on the older build."),
        ],
        "priya": [
            (420, "command", "diagnosis", True, "$ go version\ngo version go1.19.2 linux/amd64"),
            (
                450,
                "command",
                "diagnosis",
                False,
                "$ docker run --rm golang:1.21-alpine go version\ngo version go1.21.0 linux/amd64",
            ),
            (1020, "note", "", False, "5xx ratio below 0.001 for two minutes."),
        ],
        "lin": [
            (
                300,
                "log",
                "diagnosis",
                False,
                "http: TLS handshake error from 10.2.7.14:51734: remote error",
            ),
            (
                600,
                "note",
                "",
                False,
                "Only clients that offer TLS 1.1 at most are refused: the old point-of-sale devices.",
            ),
        ],
    },
    steps=[
        (
            "42 % of payment requests answered 503 for 17 minutes; all refused clients offer TLS 1.1 at most.",
            "Gateway access log by client version; pager record.",
        ),
        (
            "The ratio of 5xx rose from 0.0004 to 0.42 at the moment of the restart and fell with the move to blue.",
            '`sum(rate(http_requests_total{service="payment",code=~"5.."}[1m])) / sum(rate(http_requests_total{service="payment"}[1m]))`',
        ),
        (
            "The nightly restart took a binary built by the new CI image (Go 1.21.0) to hosts that carry go1.19.2. "
            "The change of the image two days earlier is the culprit.",
            "CI history of the base image; build log of the binary; `go version` on three hosts.",
        ),
        (
            "Built with the pinned image, the old devices connect; built with the floating tag, they are refused.",
            "Handshake test with a TLS 1.1 client against both builds.",
        ),
    ],
    causes=[
        (
            "root",
            True,
            "The build image and the runtime are not pinned: CI follows a floating tag, hosts follow the distribution.",
            "Dockerfile and host manifests; both builds tested.",
        ),
        (
            "trigger",
            False,
            "The wrong Go: a binary built with 1.21 replaced one built with 1.19 in the nightly restart.",
            "Build metadata of both binaries.",
        ),
        (
            "contributing",
            False,
            "GOPATH and module mode are mixed, so that two versions of the router were in use.",
            "`go list -m all` on CI and on a developer's machine differ in one line.",
        ),
    ],
    explained={
        "root": (
            "dependency-version",
            [
                ("The nightly restart picked up a binary built by another Go.", "Build metadata."),
                ("The build image is named by a tag that moves.", "`FROM golang:1` in the Dockerfile."),
                ("Nothing compares the versions of build and host before a restart.", ""),
            ],
        ),
        "trigger": ("release-artefact", []),
        "contributing": ("configuration-drift", []),
    },
    lessons=(
        "Blue was still on the older build, so that there was somewhere to go.",
        "Four minutes passed before the first person looked: the page went to a silent channel.",
        "It was night; at noon the loss would have been tenfold.",
    ),
    checklist=[
        ("The runtime is the pinned version", "go version | grep go1.21.0", "match"),
        ("The payment process has its runtime variable", "ps aux | grep GODEBUG", "match"),
    ],
    reviewed_after=timedelta(hours=44),
)
