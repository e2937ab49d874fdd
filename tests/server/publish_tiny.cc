// Publishes a small whole snapshot with random weights, for tests that drive the programs from outside:
// publish_tiny ROOT NAME VERSION.
#include <cstdio>
#include <cstdlib>

#include "tests/model/tiny_snapshot.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: publish_tiny ROOT NAME VERSION\n");
    return 2;
  }
  adscore::model::testing::TinySnapshot().Publish(argv[1], argv[2], std::atoll(argv[3]));
  return 0;
}
