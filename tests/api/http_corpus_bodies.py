"""The corpus' second half: where a body ends. Here lives smuggling: two readers that disagree about it see two different requests."""
from http_corpus import C, Case, CONTROLS, E, H, N, octets, table

CHUNKS = b"3\r\nabc\r\n0\r\n\r\n"


def length(value):
    return H + b"Content-Length:" + value + b"\r\n\r\nabc" + N


def coding(value):
    return H + b"Transfer-Encoding:" + value + b"\r\n\r\n" + CHUNKS + N


def both(text):
    return H + text + b"\r\n\r\n0\r\n\r\n" + N


def chunks(text):
    return C + text + N


def lengths():
    yield from table("6.2", length, "200 200", [b" 3", b"3", b"\t3", b" 3 ", b" 03", b" 0000003"])
    yield from table("6.2", length, "400", [b"", b" +3", b" -3", b" -0", b" 0x3", b" 3.0", b" 3e0", b" 3,", b" ,3", b" 3, 3", b" 3,4", b" 3 3", b" 3;", b" \"3\"", b" '3'",
                                            b" three", b" 3a", b" a3", b" 0b11", b" 1_0", b" \xd9\xa3", b" 3\x00", b" 3\x0b", b" \x0c3", b" 3\xa0", b" \xc2\xb3",
                                            b" 18446744073709551616", b" 18446744073709551619", b" 9223372036854775808", b" 99999999999999999999999999999", b" 4294967296000000000003"])
    yield from table("6.3", length, "400", [b" 3\r\nContent-Length: 3", b" 3\r\nContent-Length: 4", b" 0\r\nContent-Length: 3", b" 3\r\ncontent-length: 0",
                                            b" 3\r\nX: y\r\nContent-Length: 3", b" 3\r\nContent-Length:", b"\r\nContent-Length: 3", b"\r\n 3"])
    yield from table("5.1", lambda name: H + name + b": 3\r\n\r\nabc" + N, "400", [b"Content-Length ", b"Content-Length\t", b" Content-Length", b"Content-Length\x00", b"Content-Length\x0b",
                                                                                  b"Content\x00-Length", b"Content Length", b"Content-Length:"])
    yield from table("6.2", lambda name: H + name + b": 3\r\n\r\n" + N, "200 200", [b"Content_Length", b"X-Content-Length", b"Content-Length2", b"ContentLength"])
    yield Case("6.2", "a body of zero", H + b"Content-Length: 0\r\n\r\n" + N, "200 200")
    yield Case("6.2", "a body that is a request", H + b"Content-Length: %d\r\n\r\n" % len(N) + N, "200")
    yield Case("6.2", "a body that is a request, and one behind", H + b"Content-Length: %d\r\n\r\n" % len(N) + N + N, "200 200")
    yield Case("6.3", "no length, no body", H + E + N, "200 200")
    yield Case("6.2", "a length one short", H + b"Content-Length: 2\r\n\r\nabc" + N, "200 501")
    yield Case("6.2", "a length of 10^17", H + b"Content-Length: 100000000000000000\r\n\r\n", "413")
    yield Case("8", "an unfinished body", H + b"Content-Length: 5\r\n\r\nabc", "")
    yield Case("6.3", "HEAD with a body", H.replace(b"GET", b"HEAD") + b"Content-Length: 3\r\n\r\nabc" + N, "200 200")


def codings():
    yield from table("6.1", coding, "200 200", [b"chunked", b" Chunked", b" CHUNKED", b"\tchunked", b"  chunked  "])
    yield from table("6.1", coding, "400", [b"", b" ", b" chunked\t", b"\tchunked\t ", b" chunked, chunked", b" chunked, gzip", b" chunked, identity", b" chunked\r\nTransfer-Encoding: chunked", b"\r\n chunked",
                                            b" chunked\r\nTransfer-Encoding: identity", b" identity\r\nTransfer-Encoding: chunked", b" gzip\r\nTransfer-Encoding: chunked",
                                            b" \x0bchunked", b" chunked\x0b", b" chunked\x00", b" \x00chunked", b"\x0cchunked", b" chunked\x7f", b"\nchunked", b" chunked\n", b" chun\rked"])
    yield from table("6.1", coding, "501", [b" gzip", b" identity", b" gzip, chunked", b" deflate", b" xchunked", b" chunkedx", b" x-chunked", b" \"chunked\"", b" 'chunked'", b" chunked;q=1",
                                            b" chunked;a=b", b" cow", b" chunk", b" chunked-", b" chunked.", b" \xffchunked", b" chunked\xa0", b" chunked gzip", b" (chunked)", b" chun ked"])
    yield from table("6.1", both, "400", [b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"Content-Length: 0\r\nTransfer-Encoding: chunked",
                                          b"Transfer-Encoding: chunked\r\nContent-Length: 0", b"Transfer-Encoding: x\r\nContent-Length: 5", b"Content-Length: 5\r\nTransfer-Encoding: identity",
                                          b"content-length: 5\r\ntransfer-encoding: CHUNKED", b"Content-Length: 5\r\nX: y\r\nTransfer-Encoding: chunked", b"Content-Length: 5\r\nTransfer-Encoding:",
                                          b"Transfer-Encoding: chunked\r\nContent-Length: -1", b"Content-Length: 5\r\nTransfer-Encoding : chunked", b"Content-Length: 5\r\n Transfer-Encoding: chunked",
                                          b"Content-Length: 5\r\nTransfer-Encoding\x00: chunked", b"Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked",
                                          b"Content-Length: 5\r\nTransfer-Encoding\t: chunked", b"Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked"])
    yield Case("6.1", "chunked in 1.0", b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS + N, "400")
    yield from table("6.1", lambda name: H + name + b": chunked\r\n\r\n" + N, "200 200", [b"Transfer_Encoding", b"X-Transfer-Encoding", b"TransferEncoding", b"Transfer-Encoding2", b"TE"])


def chunk_frames():
    yield from table("7.1", chunks, "200 200", [b"3\r\nabc\r\n0\r\n\r\n", b"0\r\n\r\n", b"A\r\n0123456789\r\n0\r\n\r\n", b"a\r\n0123456789\r\n0\r\n\r\n", b"003\r\nabc\r\n000\r\n\r\n",
                                                b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"])
    yield from table("7.1", lambda size: C + size + b"\r\nabc\r\n0\r\n\r\n" + N, "400", [
        b"", b" 3", b"\t3", b"3 ", b"3\t", b"0x3", b"+3", b"-3", b"3h", b"g", b"3,", b"3.0", b"3 3", b"\"3\"", b"\x003", b"3\x00", b"\xb3", b"10000000000000003", b"fffffffffffffffff",
        b"3\x0b", b"\n3", b"\r3", b"3\n", b"3\r", b"_3", b"0_3", b"3 ;a", b"\r\n3", b":3", b"=3"])
    yield from table("7.1", chunks, "400", [b"3\nabc\r\n0\r\n\r\n", b"3\rabc\r\n0\r\n\r\n", b"3\r\nabc\n0\r\n\r\n", b"3\r\nabc\r0\r\n\r\n", b"3\r\nabc0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"4\r\nabc\r\n0\r\n\r\n",
                                            b"2\r\nabc\r\n0\r\n\r\n", b"3\r\nabcXX0\r\n\r\n", b"3\r\nabc\r\n\r\n0\r\n\r\n", b"3\r\nabc\r\n0\n\r\n", b"3\r\nabc\r\n0\r\n\n", b"3\r\nabc\r\n0\r\r\n", b"3\r\nabc\r\n0\n\n",
                                            b"3\r\nabc\r\n0\r\n\r", b"0\n\n", b"0\r\r"])
    yield Case("7.1", "a huge chunk", C + b"fffffffffffffff\r\nabc", "413")
    yield Case("8", "unfinished chunks", C + b"3\r\nabc\r\n", "")
    yield Case("8", "no last empty line", C + b"3\r\nabc\r\n0\r\n", "")
    yield Case("7.1", "endless zeros", C + b"0" * 60_000, "400")
    yield from table("7.1.1", lambda e: C + b"3" + e + b"\r\nabc\r\n0\r\n\r\n" + N, "200 200", [b";a", b";a=b", b";a=\"b\"", b";a=b;c=d", b";a=\"b\\\"c\""])
    yield from table("7.1.1", lambda e: C + b"3" + e + b"\r\nabc\r\n0\r\n\r\n" + N, "400", [b";a\n", b";a\r", b";\n", b";a=\"\n\"", b";a=\"\r\"", b";a=\n", b";a\nb", b";a=b\r0", b";a\x00", b";a=\x00",
                                                                                       b";" + b"a" * 5000, b";a=" + b"b" * 20_000])
    yield from octets("7.1.1", "in an extension", [c for c in CONTROLS[1:6]] + [0x7F], lambda c: C + b"3;a" + c + b"\r\nabc\r\n0\r\n\r\n" + N, "400")
    yield from table("7.1.2", lambda t: C + b"0\r\n" + t + b"\r\n\r\n" + N, "200 200", [b"X: y", b"Host: u", b"Connection: close", b"X-API-Key: a", b"X: y\r\nZ: w"])
    yield from table("7.1.2", lambda t: C + b"0\r\n" + t + b"\r\n\r\n" + N, "400", [b"X : y", b"X", b": y", b"X: y\n", b"X: y\r", b"X: a\x00b", b"X: a\r\n b", b" X: y", b"Content-Length: 5",
                                                                               b"Transfer-Encoding: chunked", b"X\x00: y", b"X(: y", b"GET /health HTTP/1.1"])
    yield Case("7.1.2", "too many trailers", C + b"0\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(300)) + E + N, "431")


def advisories():
    """Shapes that have been used: request splitting, response queue poisoning, TE.CL, CL.TE, TE.TE, CL.0, 0.CL, pipelines with a bad member."""
    inner = b"GET /health HTTP/1.1\r\nX: "
    yield Case("11.2", "CL.TE", H + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG" + N, "400")
    yield Case("11.2", "TE.CL", H + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner) + N, "400")
    yield Case("11.2", "CL.0", H + b"Content-Length: %d\r\n\r\n" % len(inner) + inner + N, "200 200")
    yield Case("11.2", "a head swallowed by a value: one request with an X", H + E + inner + N, "200 200")
    yield Case("11.2", "good, then no host", H + E + G_WITHOUT_HOST + N, "200 400")
    yield Case("11.2", "good, bad, good", H + E + H + b"X : y\r\n\r\n" + N, "200 400")
    yield Case("11.2", "good, good, junk", H + E + N + b"junk\r\n\r\n" + N, "200 200 501")
    yield Case("11.1", "CR LF escaped in the target", H.replace(b"/health", b"/health?a=%0d%0aX:%20y") + E + N, "200 200")
    yield Case("CVE-2019-18277", "a vertical tab before chunked", both(b"Transfer-Encoding:\x0bchunked\r\nContent-Length: 5"), "400")
    yield Case("CVE-2023-25725", "an empty field name", both(b":\r\nTransfer-Encoding: chunked\r\nContent-Length: 5"), "400")
    yield Case("CVE-2023-30589", "CR alone ends a field", both(b"X: y\rContent-Length: 5"), "400")
    yield Case("CVE-2023-40225", "an empty length and a body", length(b" "), "400")
    yield Case("CVE-2021-22959", "a blank before the colon", both(b"Content-Length : 5"), "400")
    yield Case("CVE-2022-32214", "no CR LF around a field", H + b"X: y\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS + N, "400")
    yield Case("CVE-2022-35256", "a field without CR LF at the end", H + b"X: y\r\r\n" + N, "400")


G_WITHOUT_HOST = b"GET /health HTTP/1.1\r\n\r\n"
