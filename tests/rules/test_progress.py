from __future__ import annotations

import pytest
from backburner.actors.rules.progress import parse_progress
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("output", "percent"),
    [
        pytest.param(
            "\r 43%|████▎     | 43/100 [00:04<00:05, 10.0it/s]".encode(), 43, id="tqdm"
        ),
        pytest.param(
            "\rEpoch 2:   7%|▋     | 3/40 [00:01<00:12,  3.01it/s, loss=0.2]".encode(),
            7,
            id="tqdm-with-text",
        ),
        pytest.param(
            b"\r##O#-#                          \r"
            b"\r###################                     26.4%"
            b"\r########################                33.9%",
            33,
            id="curl",
        ),
        pytest.param(b"\r" + b"#" * 72 + b" 100.0%", 100, id="curl-done"),
        pytest.param(
            b"Cloning into 'x'...\nremote: Counting objects: 100% (62/62), done.\n"
            b"Receiving objects:  74% (46/62)\rReceiving objects:  75% (47/62)\r",
            75,
            id="git",
        ),
        pytest.param(
            b"Receiving objects:  12% (120/1000), 1.20 MiB | 3.10 MiB/s\r",
            12,
            id="git-with-rate",
        ),
        pytest.param(b"[1/340] touch o1\n[12/340] CXX a/b.o\n", 3, id="ninja"),
        pytest.param(
            b"........................ [ 45%]\n.............", 45, id="pytest-q"
        ),
        pytest.param(
            b"tests/test_a.py::test_x \x1b[32mPASSED\x1b[0m\x1b[32m   [  7%]\x1b[0m\n",
            7,
            id="pytest-v-in-colour",
        ),
        pytest.param(b"Progress 1048576 of 4194304\n", 25, id="pip-raw"),
        pytest.param(
            b"  Downloading six.whl (11 kB)\n     |########        | 25% 3.1 MB/s\n",
            25,
            id="pip",
        ),
        pytest.param(
            "   ━━━━━━╺━━━━━ 12.3/45.6 MB 5.0 MB/s eta 0:00:07\r".encode(),
            26,
            id="pip-bar",
        ),
        pytest.param(b"numpy ------------ 900 KiB/1.80 MiB\n", 50, id="uv"),
        pytest.param(
            b"a1b2: Downloading [====>    ]  1.5MB/6MB\r", 25, id="docker-pull"
        ),
        pytest.param(b"Step 3/10 : RUN make\n ---> 1a2b3c\n", 30, id="docker"),
        pytest.param(b"#7 [2/4] RUN apt-get update\n", 50, id="docker-buildkit"),
        pytest.param(
            b"   Compiling syn v2.0.1\n    Building [====>    ] 33/87: serde, syn\r",
            37,
            id="cargo",
        ),
        pytest.param(
            b"    Building [                  ] 0/12: c(bin)   \r", 0, id="cargo-begins"
        ),
        pytest.param(b"Downloading 3 of 12...\n", 25, id="n-of-m-and-dots"),
        pytest.param(b"page 3 of 10.\n", 30, id="n-of-m-and-a-full-stop"),
        pytest.param(b"  3/10 Test  #3: parse ......   Passed\n", 30, id="ctest"),
        pytest.param(b"copied 99,9 %\n", 99, id="comma-and-blank"),
        pytest.param(b"\x1b]9;4;1;42\x07", 42, id="taskbar-bel"),
        pytest.param(b"\x1b]9;4;1;43\x1b\\", 43, id="taskbar-st"),
        pytest.param(b"\x1b]9;4;1;44\x9c", 44, id="taskbar-c1-st"),
        pytest.param(b"\x1b]9;4;2;45\x07", 45, id="taskbar-error"),
        pytest.param(b"\x1b]9;4;4;46\x07", 46, id="taskbar-paused"),
        pytest.param(b"\x1b]9;4;1;250\x07", 100, id="taskbar-beyond-the-end"),
        pytest.param(
            b"\x1b]9;4;1;10\x07 80%\n\x1b]9;4;1;20\x07", 20, id="taskbar-goes-first"
        ),
    ],
)
def test_progress_is_read_from_the_output_of_tools(
    output: bytes, percent: int | None
) -> None:
    assert parse_progress(output) == percent


@pytest.mark.parametrize(
    "output",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello\n", id="text"),
        pytest.param(b"foo%20bar", id="url-escape"),
        pytest.param(b"GET /a%2050%25b HTTP/1.1", id="url-escapes"),
        pytest.param(b"https://example.org/1/2/3", id="url"),
        pytest.param(b"2026/10/12", id="date"),
        pytest.param(b"[2026/10/12 10:33:21] started", id="date-in-brackets"),
        pytest.param(b"10/12/2026 started", id="date-american"),
        pytest.param(b"11/12 10:33:21 INFO started", id="date-without-year"),
        pytest.param(b"[11/12 10:33] started", id="date-without-year-in-brackets"),
        pytest.param(b"12/Oct/2026:10:33:21", id="date-apache"),
        pytest.param(b"16/9", id="ratio"),
        pytest.param(b"open 24/7", id="always-open"),
        pytest.param(b"24/7 support", id="always-open-first"),
        pytest.param(b"src/1/2.c:3:4: error", id="path"),
        pytest.param(b"object 3/4.o", id="object-file"),
        pytest.param(b"listening on 10.0.0.0/24", id="network"),
        pytest.param(b"version 1/2-beta", id="version"),
        pytest.param(b"speed 1.2/3.4 MB", id="fractions"),
        pytest.param(b"memory 3.2/16 GB", id="memory"),
        pytest.param("━━━ 1.2/3.4 MB/s".encode(), id="rates"),
        pytest.param("━━━ 3.4/1.2 MB".encode(), id="more-than-all"),
        pytest.param("━━━ 0/0 B".encode(), id="nothing-of-nothing"),
        pytest.param("━━━ 1/2 iB".encode(), id="no-unit"),
        pytest.param(b"250%", id="too-much"),
        pytest.param(b"1000%", id="far-too-much"),
        pytest.param(b"change: -5%", id="negative"),
        pytest.param(b"printf '%d'", id="format"),
        pytest.param(b"[1/1] done", id="one-of-one"),
        pytest.param(b"[0/0] done", id="none-of-none"),
        pytest.param(b"\x1b[38;5;12m text \x1b[0m", id="colours"),
        pytest.param(b"\x1b]9;4;3;\x07", id="taskbar-indeterminate"),
        pytest.param(b"\x1b]9;4;0;\x07", id="taskbar-removed"),
        pytest.param(b"\x1b]9;4;1;\x07", id="taskbar-without-number"),
        pytest.param(b"\x1b]9;4;1;5", id="taskbar-cut-off"),
        pytest.param(b"\x1b]9;9;1;50\x07", id="another-osc-9"),
        pytest.param(b"\x1b]0;50%\x07", id="window-title"),
        pytest.param(b"\xff\xfe\x00\x01%", id="binary"),
    ],
)
def test_ambiguous_output_is_not_progress(output: bytes) -> None:
    assert parse_progress(output) is None


def test_the_last_progress_counts() -> None:
    assert parse_progress(b"10%\n20%\n[1/2]\nno number here\n") == 50
    assert parse_progress(b"[1/2]\n10% and 20%\n") == 20


def test_removing_the_taskbar_sequence_keeps_the_text() -> None:
    assert parse_progress(b"\x1b]9;4;1;10\x07 80%\n\x1b]9;4;0;\x07") == 80


@given(st.binary(max_size=4096))
def test_any_bytes_yield_a_percentage_or_none(output: bytes) -> None:
    assert parse_progress(output) in {None, *range(101)}


_PIECES = st.sampled_from(
    [bytes([char]) for char in b"[(])/%.: \r\n"]
    + [b"1", b"23", b" of ", b"step ", b"\x1b]9;4;1;", b"\x07", b"\x1b\\", b"\x1b["]
)


@given(st.lists(_PIECES, max_size=60).map(b"".join))
def test_fragments_of_progress_yield_a_percentage_or_none(output: bytes) -> None:
    assert parse_progress(output) in {None, *range(101)}


@given(st.integers(0, 10**6), st.integers(2, 10**6))
def test_a_count_is_a_percentage_rounded_down(done: int, total: int) -> None:
    expected = done * 100 // total if done <= total else None
    assert parse_progress(b"[%d/%d] work\n" % (done, total)) == expected
