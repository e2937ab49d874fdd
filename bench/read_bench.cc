// How fast a log is read and encoded, on one thread: MB of text (decompressed or not: of the file) per second
// of processor time. See bench/README.md.
//
//   read_bench FILE LABEL[,LABEL…]
//
// Four lines: the rows split into cells; cells turned into numbers, token hashes and labels, as `fit` reads
// them; encoders fitted; and the rows encoded with them, as a window of `fit` is. The last line is reading
// and encoding together. Medians of 5 runs.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/table_reader.h"
#include "trainer/block_reader.h"
#include "trainer/dataset_reader.h"
#include "trainer/encoded_rows.h"
#include "trainer/encoder_fitting.h"
#include "trainer/schema_inference.h"

namespace adscore::bench {
namespace {

constexpr size_t kRuns = 5;

double ProcessorSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double MedianSeconds(const std::function<void()>& work) {
  std::vector<double> seconds;
  for (size_t run = 0; run < kRuns; ++run) {
    const double begin = ProcessorSeconds();
    work();
    seconds.push_back(ProcessorSeconds() - begin);
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[kRuns / 2];
}

void Print(const char* what, double seconds, double megabytes, double rows) {
  std::printf("%-22s %7.3f s %8.1f MB/s %8.0f ns per row\n", what, seconds, megabytes / seconds,
              1e9 * seconds / rows);
}

absl::Status Run(const std::string& path, const std::string& label) {
  const absl::StatusOr<std::vector<model::Label>> labels = trainer::ParseLabels(label);
  if (!labels.ok()) return labels.status();
  trainer::InferenceOptions inference;
  inference.labels = *labels;
  const auto schema = trainer::InferSchema(path, data::Format::kAuto, inference);
  if (!schema.ok()) return schema.status();

  double megabytes = 0;
  double rows = 0;
  absl::Status status;
  const double split = MedianSeconds([&] {
    auto reader = data::TableReader::Open(path, data::Format::kAuto);
    std::vector<std::string_view> cells;
    rows = 0;
    while (reader.ok() && (*reader)->Next(&cells).value_or(false)) ++rows;
    if (!reader.ok()) status = reader.status();
    if (reader.ok()) megabytes = static_cast<double>((*reader)->bytes_total()) / 1e6;
  });
  if (!status.ok()) return status;
  Print("split into cells", split, megabytes, rows);

  const double read = MedianSeconds([&] {
    auto reader = trainer::BlockReader::Open(path, data::Format::kAuto, schema->schema, *labels,
                                             /*labels_required=*/true);
    trainer::Dataset block;
    absl::StatusOr<bool> more = reader.ok();
    while (reader.ok() && more.ok() && *more) more = (*reader)->Next(trainer::kBlockRows, &block);
    status = reader.ok() ? more.status() : reader.status();
  });
  if (!status.ok()) return status;
  Print("read", read, megabytes, rows);

  const absl::StatusOr<trainer::Dataset> data =
      trainer::ReadDataset(path, data::Format::kAuto, schema->schema, *labels, true, nullptr,
                           {.memory_bytes = size_t{64} << 30, .directory = ""});
  if (!data.ok()) return data.status();
  std::vector<uint32_t> all(data->rows);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint32_t>(i);
  trainer::FittedEncoders encoders;
  const double fit = MedianSeconds([&] { encoders = trainer::FitEncoders(*data, all, {}).value(); });
  Print("fit encoders", fit, megabytes, rows);

  const trainer::InputLayout layout = trainer::LayOutInput(data->schema, encoders.encodings);
  trainer::EncodedRows encoded;
  const double encode = MedianSeconds([&] {
    for (size_t first = 0; first < all.size(); first += trainer::kBlockRows) {
      const auto left = std::span<const uint32_t>(all).subspan(first);
      encoded.Clear();
      trainer::AppendEncoded(*data, left.first(std::min(left.size(), trainer::kBlockRows)), 0, data->labels,
                             layout, encoders, &encoded);
    }
  });
  Print("encode", encode, megabytes, rows);
  Print("read and encode", read + encode, megabytes, rows);
  return absl::OkStatus();
}

}  // namespace
}  // namespace adscore::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: read_bench FILE LABEL[,LABEL]\n");
    return 2;
  }
  const absl::Status status = adscore::bench::Run(argv[1], argv[2]);
  if (!status.ok()) std::fprintf(stderr, "read_bench: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
