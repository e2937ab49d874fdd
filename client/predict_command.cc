#include "client/predict_command.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/flag_checks.h"
#include "cli/output.h"
#include "client/errors.h"
#include "client/impression_file.h"
#include "client/live_line.h"
#include "client/predict_pipeline.h"
#include "nlohmann/json.hpp"

namespace adscore::client {
namespace {

// Rows in flight, and so the most that may have to wait for an earlier one before they are written. Enough to
// keep a server busy; little beside what it queues.
constexpr uint64_t kWindow = 128;

constexpr const char* kHelp =
    R"(Each row is an impression with one candidate. Columns are found by name; those that the model
does not use (labels too) are left alone. Probabilities go to standard output in the order of the
file. Exits 1 with the first row that fails.

  adscore-client predict --target 127.0.0.1:8500 --model ads --data impressions.csv > scores.tsv)";

// Where rows go, in order.
class RowWriter {
 public:
  virtual ~RowWriter() = default;
  virtual void Write(const std::vector<float>& probabilities) = 0;  // [heads]
};

// The layout of `adscore-trainer evaluate --predictions`.
class TsvWriter : public RowWriter {
 public:
  TsvWriter(const std::vector<std::string>& heads, std::ostream& out) : out_(out) {
    const auto name = [](std::string* header, const std::string& head) { *header += cli::OneLine(head); };
    out_ << absl::StrJoin(heads, "\t", name) << '\n';
  }
  void Write(const std::vector<float>& probabilities) override {
    line_.clear();
    for (const float p : probabilities) absl::StrAppendFormat(&line_, "%s%.9g", line_.empty() ? "" : "\t", p);
    out_ << line_ << '\n';
  }

 private:
  std::ostream& out_;
  std::string line_;
};

class JsonWriter : public RowWriter {
 public:
  void Write(const std::vector<float>& probabilities) override {
    // As the shortest decimal that reads back as the same float, not with the digits of its double.
    nlohmann::ordered_json::array_t row;
    for (const float p : probabilities)
      row.emplace_back(std::strtod(absl::StrFormat("%.9g", p).c_str(), nullptr));
    rows_.push_back(std::move(row));
  }
  nlohmann::ordered_json::array_t Take() { return std::move(rows_); }

 private:
  nlohmann::ordered_json::array_t rows_;
};

// Scores the rows of a file with up to kWindow calls in flight.
class FileScorer {
 public:
  FileScorer(Client* client, const ModelSchema& schema, ImpressionFile* file, RowWriter* writer)
      : client_(client),
        schema_(schema),
        file_(file),
        writer_(writer),
        pipeline_(client, kWindow),
        impression_(schema),
        answers_(kWindow) {
    request_.set_model(schema.model());
  }

  absl::Status Run(uint64_t rows) {
    LiveLine live;
    bool more = true;
    while (more || written_ < started_) {
      while (more && started_ - written_ < kWindow) {
        more = started_ < rows;
        if (!more) break;
        const absl::StatusOr<bool> read = file_->Next(1, &impression_);
        if (!read.ok()) return read.status();
        more = *read;
        if (!more) break;
        if (absl::Status status = impression_.Build(&request_); !status.ok()) return status;
        pipeline_.Start(started_++, request_);
      }
      if (written_ == started_) break;
      absl::Status status;
      pipeline_.Next([&](const Pipeline::Answer& answer) { status = Keep(answer); });
      if (!status.ok()) return status;
      WriteWhatIsInOrder(&live);
    }
    return absl::OkStatus();
  }

  uint64_t rows() const { return written_; }
  const std::map<int64_t, uint64_t>& versions() const { return versions_; }  // version → rows

 private:
  absl::Status Keep(const Pipeline::Answer& answer) {
    const uint64_t row = answer.id + 1;
    if (!answer.status.ok()) {
      const absl::Status status = FromGrpc(answer.status, client_->target(), client_->deadline());
      return absl::Status(status.code(), absl::StrCat("row ", row, ": ", status.message()));
    }
    const v1::PredictResponse& response = answer.response;
    if (versions_[response.version()]++ == 0) {
      if (absl::Status status = CheckHeads(response.version()); !status.ok()) return status;
    }
    std::vector<float>& probabilities = answers_[answer.id % kWindow];
    for (const v1::HeadPredictions& head : response.heads()) {
      if (head.probability_size() == 1) probabilities.push_back(head.probability(0));
    }
    if (probabilities.size() != schema_.heads().size()) {
      return absl::InternalError(absl::StrCat("row ", row,
                                              ": the answer does not have one probability for each of the ",
                                              schema_.heads().size(), " heads"));
    }
    return absl::OkStatus();
  }

  // A version that came to serve in the meantime may predict something else; its column would have the wrong
  // name.
  absl::Status CheckHeads(int64_t version) {
    if (version == schema_.version()) return absl::OkStatus();
    const absl::StatusOr<std::vector<std::string>> heads = client_->Heads(schema_.model(), version);
    if (!heads.ok()) return heads.status();
    if (*heads == schema_.heads()) return absl::OkStatus();
    return absl::AbortedError(absl::StrCat("version ", version, " came to serve meanwhile and has the heads ",
                                           absl::StrJoin(*heads, ", "), " instead of ",
                                           absl::StrJoin(schema_.heads(), ", "), "; run again"));
  }

  void WriteWhatIsInOrder(LiveLine* live) {
    for (; written_ < started_ && !answers_[written_ % kWindow].empty(); ++written_) {
      writer_->Write(answers_[written_ % kWindow]);
      answers_[written_ % kWindow].clear();
      if (written_ % 1000 == 0) live->Show(absl::StrFormat("%d rows scored", written_));
    }
  }

  Client* const client_;
  const ModelSchema& schema_;
  ImpressionFile* const file_;
  RowWriter* const writer_;
  PredictPipeline pipeline_;
  ImpressionBuilder impression_;
  v1::PredictRequest request_;
  std::vector<std::vector<float>>
      answers_;  // row r waits at r % kWindow until it is written; empty: not there yet
  std::map<int64_t, uint64_t> versions_;
  uint64_t started_ = 0;
  uint64_t written_ = 0;
};

}  // namespace

void AddPredictFlags(CLI::App* command, PredictOptions* options) {
  AddConnectionFlags(command, &options->connection);
  command->add_option("--data", options->data, "File of impressions, one per row, plain or gzip")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--format", options->format,
                   "auto, csv (a header; comma, semicolon, tab or pipe)\n"
                   "or criteo (no header: label, I1-I13, C1-C26)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"auto", "csv", "criteo"}))
      ->capture_default_str();
  command->add_option("--rows", options->rows, "Score only the first N rows [all]")
      ->type_name("N")
      ->check(cli::WholeNumber(1, UINT64_MAX));
  command
      ->add_option("--output", options->output,
                   "tsv: a header of the heads' names, then probabilities, one line per row;\n"
                   "json: one object")
      ->type_name("LAYOUT")
      ->check(CLI::IsMember({"tsv", "json"}))
      ->capture_default_str();
  command->footer(kHelp);
}

absl::Status RunPredict(const PredictOptions& options, std::ostream& out) {
  const auto start = std::chrono::steady_clock::now();
  const absl::StatusOr<data::Format> format = data::ParseFormat(options.format);
  if (!format.ok()) return format.status();
  const absl::StatusOr<std::unique_ptr<Client>> client = Connect(options.connection);
  if (!client.ok()) return client.status();
  const absl::StatusOr<ModelSchema> schema = (*client)->FetchSchema(options.connection.model);
  if (!schema.ok()) return schema.status();
  const absl::StatusOr<std::unique_ptr<ImpressionFile>> file =
      ImpressionFile::Open(options.data, *format, *schema);
  if (!file.ok()) return file.status();

  const bool json = options.output == "json";
  JsonWriter json_writer;
  std::unique_ptr<RowWriter> tsv_writer;
  if (!json) tsv_writer = std::make_unique<TsvWriter>(schema->heads(), out);
  FileScorer scorer(client->get(), *schema, file->get(), json ? &json_writer : tsv_writer.get());
  if (absl::Status status = scorer.Run(options.rows > 0 ? options.rows : UINT64_MAX); !status.ok())
    return status;

  if (json) {
    nlohmann::ordered_json result;
    result["model"] = schema->model();
    result["versions"] = nlohmann::ordered_json::object();
    for (const auto& [version, rows] : scorer.versions()) result["versions"][absl::StrCat(version)] = rows;
    result["heads"] = schema->heads();
    result["predictions"] = json_writer.Take();
    out << result.dump() << '\n';
  }
  if (scorer.rows() == 0) return absl::InvalidArgumentError(absl::StrCat(options.data, " has no rows"));
  if (absl::Status status = cli::Flush(out); !status.ok()) return status;
  std::vector<std::string> versions;
  for (const auto& [version, rows] : scorer.versions()) versions.push_back(absl::StrCat(version));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  absl::FPrintF(stderr, "scored %d rows with version %s of model '%s' in %.1f s\n", scorer.rows(),
                absl::StrJoin(versions, ", "), schema->model(), seconds.count());
  return absl::OkStatus();
}

}  // namespace adscore::client
