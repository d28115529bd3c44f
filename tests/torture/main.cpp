#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "tests/torture/sandbox.h"

int main(int argc, char** argv) {
  tillsync::testing::enter_sandbox();  // while this process has one thread
  return doctest::Context(argc, argv).run();
}
