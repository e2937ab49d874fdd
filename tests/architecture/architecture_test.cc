// Holds the house to its plan (docs/architecture.md): which room may include which, how large a file may
// grow, and that the processor is asked for memory in one place.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kSource = ADSCORE_SOURCE_DIR;

// Room → the other rooms that its files may include. `proto` stands for generated headers, which lie in
// adscore/v1/, inference/ and tensorflow/.
const std::map<std::string, std::set<std::string>> kArrows = {
    {"cli", {}},
    {"data", {}},
    {"model", {}},
    {"request_log", {"proto"}},
    {"client", {"cli", "proto", "data", "request_log"}},
    {"trainer", {"cli", "data", "model"}},
    {"server/serving", {"server", "server/metrics", "model", "data"}},
    {"server/snapshots", {"server", "server/metrics", "model", "data"}},
    {"server/metrics", {"server"}},
    {"server/request_log", {"server", "server/metrics", "model", "proto", "request_log"}},
    {"server/http", {"server", "server/metrics", "model"}},
    {"server/rpc",
     {"server", "server/serving", "server/snapshots", "server/metrics", "model", "data", "proto"}},
    {"server/rest", {"server", "server/http", "proto"}},
    {"server/config", {"cli", "server", "server/metrics", "server/request_log", "server/snapshots", "model"}},
    {"server",
     {"cli", "server/config", "server/http", "server/serving", "server/snapshots", "server/metrics",
      "server/rest", "server/rpc", "server/request_log", "model", "data", "proto"}},
};

// Libraries that a room must not know, by the beginning of the header's name.
const std::map<std::string, std::vector<std::string>> kForbidden = {
    {"cli", {"grpc", "prometheus", "hwy", "thread", "google/protobuf"}},
    {"data", {"grpc", "prometheus", "hwy", "thread"}},
    {"model", {"grpc", "prometheus", "spdlog", "thread", "google/protobuf"}},
    {"request_log", {"grpc", "prometheus", "hwy", "thread"}},
    {"client", {"hwy", "prometheus"}},
    {"trainer", {"grpc", "prometheus", "google/protobuf"}},
    {"server/serving", {"grpc", "prometheus", "google/protobuf"}},
    {"server/snapshots", {"grpc", "prometheus", "google/protobuf"}},
    {"server/request_log", {"grpc", "prometheus", "hwy"}},
    {"server/rpc", {"hwy", "model/kernels"}},
    {"server/config", {"grpc", "google/protobuf", "prometheus"}},
    {"server/http", {"grpc", "google/protobuf", "hwy", "model/kernels"}},
};

struct Include {
  fs::path file;
  size_t line;
  std::string header;
};

std::vector<fs::path> SourcesIn(const std::string& room) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(kSource / room)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".h" || extension == ".cc") files.push_back(entry.path());
  }
  return files;
}

// The room of a path relative to the source directory: the longest name in kArrows that it lies in.
std::string RoomOf(const std::string& path) {
  std::string best;
  for (const auto& [room, arrows] : kArrows) {
    if (path.starts_with(room + "/") && room.size() > best.size()) best = room;
  }
  for (const char* generated : {"adscore/v1/", "inference/", "tensorflow/"}) {
    if (path.starts_with(generated)) return "proto";
  }
  return best;
}

std::vector<Include> IncludesOf(const std::string& room) {
  static const std::regex kInclude(R"(^\s*#include\s+[<"]([^>"]+)[>"])");
  std::vector<Include> includes;
  for (const fs::path& path : SourcesIn(room)) {
    const fs::path relative = fs::relative(path, kSource);
    if (RoomOf(relative.string()) != room) continue;
    std::ifstream file(path);
    std::string line;
    for (size_t number = 1; std::getline(file, line); ++number) {
      std::smatch match;
      if (std::regex_search(line, match, kInclude)) includes.push_back({relative, number, match[1]});
    }
  }
  return includes;
}

TEST(ArchitectureTest, EveryRoomIncludesOnlyWhatItsArrowsAllow) {
  for (const auto& [room, allowed] : kArrows) {
    const std::vector<Include> includes = IncludesOf(room);
    EXPECT_FALSE(includes.empty()) << room << ": no file was looked at";
    for (const Include& include : includes) {
      const std::string target = RoomOf(include.header);
      if (target.empty() || target == room) continue;
      EXPECT_TRUE(allowed.contains(target))
          << include.file << ":" << include.line << " includes " << include.header
          << ", but there is no arrow from " << target << " to " << room;
    }
  }
}

TEST(ArchitectureTest, NoRoomKnowsALibraryThatIsNotItsOwn) {
  for (const auto& [room, forbidden] : kForbidden) {
    for (const Include& include : IncludesOf(room)) {
      for (const std::string& prefix : forbidden) {
        EXPECT_FALSE(include.header.starts_with(prefix))
            << include.file << ":" << include.line << ": " << room << " must not know " << include.header;
      }
    }
  }
}

TEST(ArchitectureTest, EveryFileFitsInAHeadAndSaysWhatItIsFor) {
  for (const char* room : {"cli", "data", "model", "request_log", "trainer", "server", "client"}) {
    for (const fs::path& path : SourcesIn(room)) {
      std::ifstream file(path);
      std::string first;
      std::string line;
      std::getline(file, first);
      size_t lines = 1;
      while (std::getline(file, line)) ++lines;
      EXPECT_LE(lines, 450u) << path << " has grown too long: give its second purpose a file of its own";
      // A .cc file whose header says it may begin with that header.
      EXPECT_TRUE(first.starts_with("//") || (path.extension() == ".cc" && first.starts_with("#include \"")))
          << path << " begins without a comment that says what it is for";
    }
  }
}

// Why is said there.
TEST(ArchitectureTest, OnePlacePrefetches) {
  for (const char* room : {"cli", "data", "model", "request_log", "trainer", "server", "client"}) {
    for (const fs::path& path : SourcesIn(room)) {
      std::ifstream file(path);
      std::string line;
      bool found = false;
      while (std::getline(file, line)) found |= line.find("__builtin_prefetch(") != std::string::npos;
      EXPECT_EQ(found, path == kSource / "model/prefetch.h") << path;
    }
  }
}

}  // namespace
