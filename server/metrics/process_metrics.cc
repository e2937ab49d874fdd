#include "server/metrics/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include "server/metrics/families.h"

namespace adscore::server {
namespace {

using prometheus::MetricType;

// Fields of /proc/self/stat, by the numbers of proc(5).
struct Stat {
  double cpu_seconds = 0;     // 14 and 15
  double threads = 0;         // 20
  double start_seconds = 0;   // 22: after the boot
  double virtual_bytes = 0;   // 23
  double resident_bytes = 0;  // 24
};

std::optional<Stat> ReadStat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');  // the name of the program may hold blanks
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  std::string state;
  fields >> state;  // field 3
  double value[25] = {};
  for (int field = 4; field <= 24; ++field) fields >> value[field];
  if (!fields) return std::nullopt;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  return Stat{.cpu_seconds = (value[14] + value[15]) / ticks,
              .threads = value[20],
              .start_seconds = value[22] / ticks,
              .virtual_bytes = value[23],
              .resident_bytes = value[24] * static_cast<double>(sysconf(_SC_PAGESIZE))};
}

// Unix seconds.
std::optional<double> BootTime() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::atof(line.c_str() + 6);
  }
  return std::nullopt;
}

std::optional<double> OpenFiles() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), closedir);
  if (directory == nullptr) return std::nullopt;
  int count = 0;
  while (const dirent* entry = readdir(directory.get())) count += entry->d_name[0] != '.' ? 1 : 0;
  return count - 1;  // without the one that was opened to count
}

std::optional<double> MaxOpenFiles() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

void CollectProcess(std::vector<prometheus::MetricFamily>* families) {
  const auto add = [families](const char* name, const char* help, std::optional<double> value) {
    if (!value.has_value()) return;
    families->push_back(Family(name, help, MetricType::Gauge));
    AddGauge(&families->back(), {}, *value);
  };
  if (const std::optional<Stat> stat = ReadStat()) {
    families->push_back(Family("process_cpu_seconds_total", "Processor time of the process, user and system.",
                               MetricType::Counter));
    AddCounter(&families->back(), {}, stat->cpu_seconds);
    add("process_resident_memory_bytes", "Memory that is in use, mapped files included.",
        stat->resident_bytes);
    add("process_virtual_memory_bytes", "Address space.", stat->virtual_bytes);
    add("process_threads", "Threads of the process.", stat->threads);
    if (const auto boot = BootTime()) {
      add("process_start_time_seconds", "When the process started, in Unix time.",
          *boot + stat->start_seconds);
    }
  }
  add("process_open_fds", "Open file descriptors.", OpenFiles());
  add("process_max_fds", "File descriptors that may be open.", MaxOpenFiles());
}

}  // namespace adscore::server
