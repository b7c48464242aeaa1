import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.errors import UsageError
from kinescribe.llm import Settings

LOCAL = "http://localhost:11434/v1"


def refusal(**values) -> str:
    with pytest.raises(UsageError) as caught:
        Settings(**{"model": "m", "base_url": LOCAL, **values})
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        (LOCAL, LOCAL),
        (LOCAL + "/", LOCAL),
        (LOCAL + "/chat/completions", LOCAL),
        (" https://api.example.com/v1/chat/completions/ ", "https://api.example.com/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_urls_are_kept_without_their_end(given_url: str, kept: str):
    assert Settings("m", given_url).base_url == kept


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "no http or https URL"),
        ("localhost:11434/v1", "no http or https URL"),
        ("ftp://example.com/v1", "no http or https URL"),
        ("file:///etc/passwd", "no http or https URL"),
        ("http://", "no http or https URL"),
        ("http://exa mple.com/v1", "spaces or control characters"),
        ("http://example.com/v1\x00", "spaces or control characters"),
        ("http://[::1/v1", "is no URL"),
        ("http://example.com:99999/v1", "is no URL"),
        ("https://example.com/v1?api_key=abc", "parameters after its path"),
        ("https://example.com/v1#x", "parameters after its path"),
    ],
)
def test_urls_that_make_no_sense_are_refused(url: str, says: str):
    message = refusal(base_url=url)
    assert says in message
    assert LOCAL in message


def test_a_password_in_the_url_is_refused_and_not_shown():
    message = refusal(base_url="https://me:hunter2@example.com/v1")
    assert "name or password" in message
    assert "hunter2" not in message


@given(st.text(max_size=60))
def test_any_url_is_kept_or_refused_in_one_line(url: str):
    refusal = ""
    try:
        assert Settings("m", url).base_url.lower().startswith("http")
    except UsageError as error:
        refusal = str(error)
    assert len(refusal.splitlines()) <= 1


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"model": " "}, "no name of a model"),
        ({"model": "a\nb"}, "no name of a model"),
        ({"timeout_s": 0}, "timeout_s = 0 is too small; give more than 0"),
        ({"timeout_s": float("nan")}, "is no number"),
        ({"retries": -1}, "retries = -1 is too small; give 0 or more"),
        ({"max_calls": -5}, "max_calls = -5"),
        ({"max_tokens_total": "many"}, "is no number"),
        ({"max_cost": 1.0}, "needs price_in and price_out"),
        ({"max_cost": 1.0, "price_in": 1.0}, "needs price_in and price_out"),
        ({"temperature": -0.1}, "temperature"),
        ({"replay": True}, "give the cache too"),
    ],
)
def test_values_that_make_no_sense_are_refused(values: dict, says: str):
    assert says in refusal(**values)


def test_zero_is_a_cap():
    assert Settings("m", LOCAL, max_calls=0, retries=0).max_calls == 0


def test_environment_and_arguments(monkeypatch: pytest.MonkeyPatch):
    assert Settings.from_environment() is None
    with pytest.raises(UsageError, match=r"without an endpoint.*KINESCRIBE_BASE_URL"):
        Settings.from_environment(model="m")
    with pytest.raises(UsageError, match=r"without a model.*KINESCRIBE_MODEL"):
        Settings.from_environment(base_url=LOCAL)
    monkeypatch.setenv("KINESCRIBE_MODEL", "theirs")
    monkeypatch.setenv("KINESCRIBE_BASE_URL", LOCAL)
    settings = Settings.from_environment(max_calls=7)
    assert settings is not None
    assert (settings.model, settings.base_url, settings.max_calls) == ("theirs", LOCAL, 7)
    settings = Settings.from_environment(model="mine")
    assert settings is not None
    assert (settings.model, settings.base_url) == ("mine", LOCAL)


def test_key_comes_from_its_variable_then_from_the_common_one():
    settings = Settings("m", LOCAL)
    assert settings.key({}) is None
    assert settings.key({"OPENAI_API_KEY": "b"}) == "b"
    assert settings.key({"OPENAI_API_KEY": "b", "KINESCRIBE_API_KEY": " a\n"}) == "a"
    assert settings.key({"OPENAI_API_KEY": "b", "KINESCRIBE_API_KEY": ""}) is None
    assert Settings("m", LOCAL, key_variable="MINE").key({"MINE": "c", "KINESCRIBE_API_KEY": "a"}) == "c"


def test_a_broken_key_is_refused_and_not_shown():
    with pytest.raises(UsageError, match="key in KINESCRIBE_API_KEY holds") as caught:
        Settings("m", LOCAL).key({"KINESCRIBE_API_KEY": "sec ret\x01"})
    assert "sec" not in str(caught.value)


LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]", "10.1.2.3", "192.168.0.7", "172.16.5.4", "ollama", "box.local", "[fd00::1]"]
PUBLIC_HOSTS = [
    "example.com",
    "8.8.8.8",
    "[2001:4860:4860::8888]",
    "134744072",
    "0x8080808",
    "localhost.example.com",
    "10.1.2.3.example.com",
]


@pytest.mark.parametrize("host", LOCAL_HOSTS)
def test_a_key_goes_in_the_clear_to_near_hosts(host: str):
    settings = Settings("m", f"http://{host}:80/v1")
    assert settings.is_local
    assert settings.key({"KINESCRIBE_API_KEY": "a"}) == "a"


@pytest.mark.parametrize("host", PUBLIC_HOSTS)
def test_a_key_goes_in_the_clear_nowhere_else(host: str):
    settings = Settings("m", f"http://{host}:80/v1")
    assert settings.in_the_clear
    assert settings.key({}) is None
    with pytest.raises(UsageError, match=r"plain http to another machine.*use https"):
        settings.key({"OPENAI_API_KEY": "a"})
    assert Settings("m", f"https://{host}/v1").key({"OPENAI_API_KEY": "a"}) == "a"
