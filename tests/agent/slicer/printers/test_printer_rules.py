"""What is decided about printers without asking one."""

import hashlib

import pytest

from agent.shared.errors import OrcaError
from agent.slicer.printers.addresses import camera_of, camera_url, may_be_reached, printer_url
from agent.slicer.printers.digest import Digest
from agent.slicer.printers.failures import quoted, refusal
from agent.slicer.printers.rules import (
    Activity,
    Report,
    Stored,
    has_taken_it,
    is_later,
    is_printable,
    is_same_file,
    is_stored,
    name_on_printer,
    retry_after_s,
)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("192.168.1.20", "http://192.168.1.20:80"),
        ("octopi.local", "http://octopi.local:80"),
        (" http://voron.local:7125/ ", "http://voron.local:7125"),
        ("https://printer.example/octo/", "https://printer.example:443/octo"),
        ("10.0.0.7:5000", "http://10.0.0.7:5000"),
        ("http://[fd12::7]:80", "http://[fd12::7]:80"),
    ],
)
def test_a_printers_address_is_read_as_people_write_it(written: str, address: str) -> None:
    assert printer_url(written) == address


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ftp://printer",
        "http://user:secret@printer",
        "http://169.254.169.254",
        "http://0xa9fea9fe",
        "http://[fe80::1]",
        "http://[::ffff:169.254.169.254]",
        "http://metadata.google.internal",
        "http://100.100.100.200/",
        "http://[64:ff9b::a9fe:a9fe]",
        "http://[2002:a9fe:a9fe::]",
        "http://224.0.0.1",
        "http://printer/?q=1",
        "http://prin ter",
        "http://printer:99999",
    ],
)
def test_an_address_that_no_printer_has_is_refused_without_repeating_it(written: str) -> None:
    with pytest.raises(ValueError, match=r"[A-Z].*\.$") as caught:
        printer_url(written)

    assert "Ollama" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ("/webcam/?action=snapshot", "http://10.0.0.7:80/webcam/?action=snapshot"),
        ("http://127.0.0.1:8080/?action=snapshot", "http://10.0.0.7:8080/?action=snapshot"),
        ("http://localhost/snap.jpg", "http://10.0.0.7:80/snap.jpg"),
        ("http://10.0.0.7:8081/snap.jpg", "http://10.0.0.7:8081/snap.jpg"),
    ],
)
def test_a_camera_is_looked_for_at_the_printer(told: str, seen: str) -> None:
    assert camera_of("http://10.0.0.7:5000", told) == seen


@pytest.mark.parametrize(
    "told", ["http://10.0.0.8/snap.jpg", "http://169.254.169.254/", "file:///etc/passwd"]
)
def test_a_printer_does_not_send_us_around_the_network(told: str) -> None:
    with pytest.raises(ValueError, match=r"[A-Z].*\.$"):
        camera_of("http://10.0.0.7:5000", told)


def test_a_cameras_address_may_have_a_query() -> None:
    assert camera_url("10.0.0.9:8080?action=snapshot") == "http://10.0.0.9:8080/?action=snapshot"


def test_a_name_that_leads_to_metadata_is_not_followed() -> None:
    refused = [
        "169.254.169.254",
        "fe80::1%eth0",
        "::ffff:169.254.1.1",
        "100.100.100.200",
        "0.0.0.0",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
    ]

    assert [ip for ip in [*refused, "junk"] if may_be_reached(ip)] == []
    assert [
        ip
        for ip in ("127.0.0.1", "192.168.1.20", "fd12::7", "64:ff9b::c0a8:114")
        if not may_be_reached(ip)
    ] == []


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("cube.gcode", "cube.gcode"),
        ("Würfel 20mm (neu).GCODE", "Wurfel_20mm_neu.gcode"),
        ("../../etc/passwd", "passwd.gcode"),
        ("a\\b\\c.gcode", "c.gcode"),
        ('x"\r\nHost: y.gcode', "x_Host_y.gcode"),
        ("日本.gcode", "print.gcode"),
        (".hidden.gcode", "hidden.gcode"),
        ("", "print.gcode"),
        (f"{'x' * 300}.bgcode", f"{'x' * 100}.bgcode"),
    ],
)
def test_a_name_is_one_that_every_printer_takes(name: str, there: str) -> None:
    assert name_on_printer(name) == there


def test_printers_print_gcode_and_no_projects() -> None:
    names = ["a.gcode", "a.GCO", "a.g", "a.bgcode", "a.3mf", "a.gcode.3mf", "a.stl", "gcode"]

    assert [name for name in names if is_printable(name)] == names[:4]


def test_an_upload_is_believed_only_if_the_file_is_whole_and_new() -> None:
    before, whole = Stored("a", 7, "1"), Stored("a", 7, "2")

    assert is_stored(whole, None, 7)
    assert is_stored(whole, before, 7)
    assert not is_stored(before, before, 7)
    assert not is_stored(Stored("a", 6, "2"), before, 7)
    assert not is_stored(None, before, 7)


def test_an_order_was_followed_if_the_file_is_printed_or_was_counted() -> None:
    printing, other = (
        Report(Activity.PRINTING, path="/A.gcode"),
        Report(Activity.PRINTING, path="b"),
    )
    idle = Report(Activity.IDLE, path="a.gcode")

    assert has_taken_it(printing, "a.gcode", "0/0", "0/0")
    assert has_taken_it(idle, "a.gcode", "9/0", "a/0")
    assert not has_taken_it(idle, "a.gcode", "3/1", "3/1")
    assert not has_taken_it(idle, "a.gcode", "3/1", "0/0")  # the file was written anew
    assert not has_taken_it(other, "a.gcode", "", "")
    assert not is_same_file(None, "a")
    assert not is_later("nonsense", "000001")


def test_waits_grow_and_have_an_end() -> None:
    assert [retry_after_s(attempt) for attempt in (2, 3, 4, 50)] == [0.25, 0.5, 1.0, 15.0]


def test_digest_answers_are_those_of_the_standards_own_example() -> None:
    # RFC 7616, 3.9.1
    challenge = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=%s, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    answers = {}
    for algorithm in ("MD5", "SHA-256"):
        digest = Digest("Mufasa", "Circle of Life")
        assert digest.take(challenge % algorithm)
        header = digest.header("GET", "/dir/index.html", cnonce)
        answers[algorithm] = header.partition('response="')[2].partition('"')[0]

    assert answers == {
        "MD5": "8ca523f5e9506fed4657c9700eebdbec",
        "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }
    assert "Circle" not in repr(Digest("Mufasa", "Circle of Life"))


def test_digest_speaks_the_old_form_and_refuses_what_it_cannot_answer() -> None:
    digest = Digest("maker", "pass")

    assert not digest.take('Basic realm="x"')
    assert not digest.take('Digest realm="x", nonce="y", algorithm=SHA-512')
    assert not digest.take('Digest realm="x", nonce="y", qop="auth-int"')
    assert digest.take('Digest realm="Printer API", nonce="abc", stale=false')
    ours = hashlib.md5(b"maker:Printer API:pass", usedforsecurity=False).hexdigest()
    theirs = hashlib.md5(b"GET:/api/version", usedforsecurity=False).hexdigest()
    whole = hashlib.md5(f"{ours}:abc:{theirs}".encode(), usedforsecurity=False).hexdigest()
    assert digest.header("GET", "/api/version", "x").endswith(f'response="{whole}"')


def test_a_printers_own_words_are_one_clean_line() -> None:
    assert quoted("<html><style>b{}</style><h1>Not&nbsp;found</h1>\x07\n</html>") == "Not found"
    assert quoted('{"error": {"message": "Cannot open /home/pi/data/a.gcode"}}') == "Cannot open …"
    assert quoted('{"error": null}') == ""
    assert len(quoted("x" * 900)) == 201


@pytest.mark.parametrize("endless", ["<", "<script", "/a", "&"])
def test_megabytes_of_a_printers_words_take_no_time(endless: str) -> None:
    assert len(quoted(endless * 500_000)) <= 201


def test_every_refusal_is_an_error_with_a_sentence_and_the_printers_words() -> None:
    told: dict[int, OrcaError] = {
        status: refusal("mk4", status, "why") for status in (302, 401, 404, 409, 503, 507, 599)
    }

    assert {status: err.code for status, err in told.items()} == {
        302: "printer-redirects",
        401: "printer-key-refused",
        404: "not-on-printer",
        409: "printer-refuses",
        503: "printer-not-ready",
        507: "printer-full",
        599: "printer-failed",
    }
    assert all(err.detail.endswith("It says: why.") for err in told.values())
    assert refusal("mk4", 507, "Full!").detail.endswith("It says: Full!")
