// A certificate for tests alone: signed by itself, good for a hundred years from 2026 on. CN till.example;
// DNS till.example, IP 127.0.0.1, e-mail till@shop.example.
#pragma once

namespace tillsync::testing {

inline constexpr const char* kTestCertificate = R"(-----BEGIN CERTIFICATE-----
MIIBujCCAV+gAwIBAgIUTFLDl3yZ1uK/W4ieViRnnTsaa+AwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMdGlsbC5leGFtcGxlMCAXDTI2MTEyNjExMjQxNVoYDzIxMjYx
MTAyMTEyNDE1WjAXMRUwEwYDVQQDDAx0aWxsLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAARrRdPqojDmHSMlEOloikh1WfnmXVSVR3f4v/kquwAnTwbA
7L/kHcluRwcD3Ku5wbrvb2/WmiDEj+8ayTv/njhio4GGMIGDMB0GA1UdDgQWBBQB
RUSW7dHkIqutQXctTQKHAAzZUjAfBgNVHSMEGDAWgBQBRUSW7dHkIqutQXctTQKH
AAzZUjAPBgNVHRMBAf8EBTADAQH/MDAGA1UdEQQpMCeCDHRpbGwuZXhhbXBsZYcE
fwAAAYERdGlsbEBzaG9wLmV4YW1wbGUwCgYIKoZIzj0EAwIDSQAwRgIhAP1Kb+1e
Wx7tipAwsdnBvJ740fvCL5A6vINuX9rCYoYmAiEAnZX1t3nwizAH1XMJg3t/aOmY
y0G3YEerCgsihyC0OhY=
-----END CERTIFICATE-----
)";

inline constexpr const char* kTestKey = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVJlUEec1bpqAon2T
XbVnYat7QwyaSI6x//ISpNXu6J6hRANCAARrRdPqojDmHSMlEOloikh1WfnmXVSV
R3f4v/kquwAnTwbA7L/kHcluRwcD3Ku5wbrvb2/WmiDEj+8ayTv/njhi
-----END PRIVATE KEY-----
)";

}  // namespace tillsync::testing
