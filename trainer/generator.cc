#include "trainer/generator.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "trainer/output_file.h"
#include "trainer/synthetic_world.h"
#include "trainer/workers.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kPieceRows = 4096;  // made by one thread and written at once: half a megabyte of text

void AppendCell(std::string_view text, std::string* row) {
  row->append(text);
  row->push_back(',');
}

void AppendNumber(uint64_t number, std::string* row) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  AppendCell({digits, static_cast<size_t>(end - digits)}, row);
}

// number / 10^places with exactly that many places. Whole numbers only, and so the same everywhere, and fast.
void AppendFixed(uint64_t number, int places, std::string* row) {
  char digits[24];
  char* at = digits + sizeof(digits);
  *--at = ',';
  for (int i = 0; i < places; ++i, number /= 10) *--at = static_cast<char>('0' + number % 10);
  *--at = '.';
  do {
    *--at = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  row->append(at, static_cast<size_t>(digits + sizeof(digits) - at));
}

void AppendProbability(double probability, std::string* row) {
  AppendFixed(static_cast<uint64_t>(probability * 1e6 + 0.5), 6, row);
}

void AppendInterests(uint32_t interests, std::string* row) {
  bool first = true;
  for (uint32_t i = 0; i < kCategories; ++i) {
    if ((interests >> i & 1) == 0) continue;
    if (!first) row->push_back('|');
    row->append(SyntheticWorld::category(i));
    first = false;
  }
  row->push_back(',');
}

void AppendHeader(std::string* text) {
  for (const std::string_view name : kGeneratedLabels) AppendCell(name, text);
  for (const std::string_view name : kGeneratedContext) AppendCell(name, text);
  for (const std::string_view name : kGeneratedAd) AppendCell(name, text);
  for (const std::string_view name : kGeneratedTruths) AppendCell(name, text);
  text->back() = '\n';
}

// In the order of the header.
void AppendRow(const SyntheticWorld& world, const SyntheticImpression& impression, std::string* text) {
  AppendNumber(impression.click ? 1 : 0, text);
  AppendNumber(impression.conversion ? 1 : 0, text);

  AppendCell(world.site(impression.site), text);
  AppendCell(SyntheticWorld::section(world.section_of(impression.site)), text);
  AppendNumber(impression.hour, text);
  AppendCell(SyntheticWorld::weekday(impression.weekday), text);
  AppendCell(SyntheticWorld::device(impression.device), text);
  AppendCell(impression.country_lost ? "" : SyntheticWorld::country(impression.country), text);
  if (impression.age_lost) {
    AppendCell("", text);
  } else {
    AppendNumber(impression.age, text);
  }
  if (impression.visits == 0) {
    AppendCell("", text);  // a new visitor has no history
  } else {
    AppendNumber(impression.visits, text);
  }
  AppendInterests(impression.interests, text);

  AppendCell(world.campaign(impression.campaign), text);
  AppendCell(world.creative(impression.creative), text);
  AppendCell(SyntheticWorld::category(world.category_of(impression.campaign)), text);
  AppendCell(SyntheticWorld::format(impression.format), text);
  if (impression.price_lost) {
    AppendCell("", text);
  } else {
    AppendFixed(impression.price_cents, 2, text);
  }
  AppendFixed(impression.bid_cents, 2, text);
  AppendNumber(impression.creative_age, text);
  AppendNumber(impression.position, text);

  AppendProbability(impression.click_probability, text);
  AppendProbability(impression.conversion_probability, text);
  text->back() = '\n';
}

double Surprise(double probability, bool happened) {
  return -std::log(happened ? probability : 1 - probability);
}

void Count(const SyntheticImpression& impression, GeneratorFigures* figures) {
  ++figures->rows;
  figures->clicks += impression.click ? 1 : 0;
  figures->conversions += impression.conversion ? 1 : 0;
  figures->click_log_loss += Surprise(impression.click_probability, impression.click);
  figures->conversion_log_loss += Surprise(impression.conversion_probability, impression.conversion);
}

// Some of the rows, one after the other.
struct Piece {
  std::string text;
  GeneratorFigures figures;
};

void Make(const SyntheticWorld& world, uint64_t seed, uint64_t first, uint64_t last, Piece* piece) {
  piece->text.clear();
  piece->figures = {};
  for (uint64_t row = first; row < last; ++row) {
    const SyntheticImpression impression = world.Draw(seed, row);
    AppendRow(world, impression, &piece->text);
    Count(impression, &piece->figures);
  }
}

void Add(const GeneratorFigures& more, GeneratorFigures* figures) {
  figures->rows += more.rows;
  figures->clicks += more.clicks;
  figures->conversions += more.conversions;
  figures->click_log_loss += more.click_log_loss;
  figures->conversion_log_loss += more.conversion_log_loss;
}

}  // namespace

absl::StatusOr<GeneratorFigures> Generate(const GeneratorOptions& options,
                                          const std::function<void(uint64_t rows)>& progress) {
  if (options.rows == 0) return absl::InvalidArgumentError("--rows is 0; at least 1 row is needed");
  absl::StatusOr<std::unique_ptr<OutputFile>> out = OutputFile::Create(options.out);
  if (!out.ok()) return out.status();
  std::string header;
  AppendHeader(&header);
  if (absl::Status written = (*out)->Write(header); !written.ok()) return written;

  const SyntheticWorld world;
  GeneratorFigures figures;
  Workers workers(options.threads);
  std::vector<Piece> pieces(workers.count());
  while (figures.rows < options.rows) {
    const uint64_t begin = figures.rows;
    workers.Run([&](size_t worker) {
      const uint64_t first = std::min(begin + worker * kPieceRows, options.rows);
      Make(world, options.seed, first, std::min(first + kPieceRows, options.rows), &pieces[worker]);
    });
    for (const Piece& piece : pieces) {
      if (absl::Status written = (*out)->Write(piece.text); !written.ok()) return written;
      Add(piece.figures, &figures);
    }
    if (progress) progress(figures.rows);
  }
  if (absl::Status finished = (*out)->Finish(); !finished.ok()) return finished;
  figures.click_log_loss /= static_cast<double>(figures.rows);
  figures.conversion_log_loss /= static_cast<double>(figures.rows);
  return figures;
}

}  // namespace adscore::trainer
