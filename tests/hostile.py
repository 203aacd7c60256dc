"""What hypothesis draws where input may be bad or hostile; the same each time."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

bounded = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100,
    suppress_health_check=list(HealthCheck),
)
few = settings(bounded, max_examples=30)

numbers = st.integers() | st.floats() | st.sampled_from([2**63, -(2**64), 10**400, 1e308])
names = st.sampled_from(
    [
        "",
        "..",
        "../..",
        "../../etc/passwd",
        "/etc/passwd",
        "~root",
        "a/../../b",
        "C:\\Windows",
        "con.",
        "-rf",
        "--help",
        "a\nb",
        "\x00",
        "\x1b[31m",
        "\u202eevil",
        "\ud800",
        "ß" * 300,
        "x" * 10_000,
        "*" * 60,
        "[!",
        "[z-a]",
        "%s%n",
        "{{7*7}}",
        "__import__('os').system('x')",
    ]
)
texts = names | st.text(st.characters(), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
