"""Target: server cookies that were made here, and what a stranger makes of them.

The input says by which secret a cookie was made (first octet), how long ago (four), for which client cookie (eight), and
what was changed in it (the rest, by exclusive or; what is behind the cookie's end is added to it).
"""

from acmedns_py.dns.cookie import CLIENT_OCTETS, Cookies, is_malformed

SECRETS = (b"first secret, 16", b"another that was", b"one of strangers")
ADDRESSES = (bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)), bytes(range(16)))
UNIX = 2**31
COOKIES = Cookies(SECRETS[:2])


def check(octets: bytes) -> None:
    """A cookie is valid as it was made, where it was made for, and in its time; whatever else comes gets a valid one."""
    choice = octets[0] if octets else 0
    secret, made_for, shown_by = SECRETS[choice % 3], ADDRESSES[choice // 3 % 3], ADDRESSES[choice // 9 % 3]
    age = int.from_bytes(octets[1:5], "big", signed=True)
    client = octets[5:13].ljust(CLIENT_OCTETS, b"\0")
    changes = octets[13:]
    made = Cookies((secret,)).judged(client, made_for, UNIX - age).reply
    width = max(len(made), len(changes))
    shown = bytes(a ^ b for a, b in zip(made.ljust(width, b"\0"), changes.ljust(width, b"\0"), strict=True))
    assert is_malformed(shown) == (len(shown) != 8 and not 16 <= len(shown) <= 40), "another length is a cookie's"
    if is_malformed(shown):
        return
    untouched = shown == made and made_for == shown_by
    in_time = -300 <= age <= 3600
    judged = COOKIES.judged(shown, shown_by, UNIX)
    assert judged.valid == (untouched and in_time and secret in COOKIES.secrets), (
        "valid or not, and should be the other"
    )
    assert judged.reply[:CLIENT_OCTETS] == shown[:CLIENT_OCTETS], "another client's cookie"
    again = COOKIES.judged(judged.reply, shown_by, UNIX)
    assert again.valid, "what is answered is not valid"
    assert again.reply == judged.reply, "what is answered is not for use"
    assert (judged.reply == shown) == (judged.valid and age < 1800 and secret == SECRETS[0]), "kept or renewed wrongly"
