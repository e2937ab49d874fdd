// Writes a small whole snapshot: make_snapshot FILE.
#include <cstdio>
#include <string>

#include "tests/model/tiny_snapshot.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_snapshot FILE\n");
    return 2;
  }
  const adscore::model::testing::TinySnapshot tiny(
      {.crosses = true, .bent = true, .chained = true});  // all that there is
  const absl::Status status = adscore::model::WriteSnapshot(tiny.snapshot(), argv[1]);
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
