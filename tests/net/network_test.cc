// Which addresses anybody on the internet could have, at both ends of every special block.
#include "src/net/network.h"

#include <gtest/gtest.h>

namespace {

using namespace headrace;

TEST(Network, SpecialBlocksAreNotGlobal) {
  for (const char* one :
       {"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
        "169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.255", "192.0.2.1", "192.88.99.1",
        "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1",
        "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::127.0.0.1",
        "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:1ff:ffff::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
        "3fff::1", "3fff:fff::1", "5f00::1", "fc00::1", "fdff::1", "fe80::1", "fec0::1", "ff02::1"})
    EXPECT_FALSE(is_global(address_of(one).value())) << one;
}

TEST(Network, TheirNeighboursAre) {
  for (const char* one :
       {"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
        "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
        "198.20.0.0", "198.51.99.1", "203.0.114.1", "223.255.255.255", "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2000::1",
        "2001:200::1", "2001:4860:4860::8888", "2001:db7::1", "2001:db9::1", "2003::1", "2606:4700::1", "3ffe::1", "3fff:1000::1"})
    EXPECT_TRUE(is_global(address_of(one).value())) << one;
}

TEST(Network, BlocksHoldWhatAgreesInTheirBits) {
  const Network block = network_of("10.1.0.0/15").value();
  EXPECT_TRUE(block.contains(address_of("10.0.0.1").value()));
  EXPECT_TRUE(block.contains(address_of("10.1.255.255").value()));
  EXPECT_FALSE(block.contains(address_of("10.2.0.0").value()));
  EXPECT_FALSE(block.contains(address_of("a01::").value()));
  EXPECT_TRUE(network_of("::/0")->contains(address_of("1.2.3.4").value()));
  for (const char* bad : {"", "10", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "::1/129", "0x7f.0.0.1", "127.1", "localhost", "::1%lo"})
    EXPECT_FALSE(network_of(bad).has_value()) << bad;
}

}  // namespace
