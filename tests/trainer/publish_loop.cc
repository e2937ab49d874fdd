// Publishes a small snapshot again and again until it is killed: publish_loop ROOT NAME. Ends with 1, and
// says why, if a publish fails.
#include <cstdio>
#include <string>

#include "tests/model/tiny_snapshot.h"
#include "trainer/publisher.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: publish_loop ROOT NAME\n");
    return 2;
  }
  const adscore::model::testing::TinySnapshot tiny;
  while (true) {
    const auto published = adscore::trainer::Publish(
        argv[1], argv[2], tiny.snapshot(), [](int64_t version, const adscore::model::Provenance&) {
          return "{\"version\": " + std::to_string(version) + "}\n";
        });
    if (!published.ok()) {
      std::fprintf(stderr, "%s\n", std::string(published.status().message()).c_str());
      return 1;
    }
  }
}
