#include "trainer/generator.h"

#include <charconv>
#include <cmath>
#include <memory>

#include "absl/status/status.h"
#include "trainer/output_file.h"
#include "trainer/synthetic_world.h"

namespace adscore::trainer {
namespace {

constexpr size_t kPieceBytes = 256 << 10;  // of text, handed to the file at once

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

}  // namespace

absl::StatusOr<GeneratorFigures> Generate(const GeneratorOptions& options,
                                          const std::function<void(uint64_t rows)>& progress) {
  if (options.rows == 0) return absl::InvalidArgumentError("--rows is 0; at least 1 row is needed");
  absl::StatusOr<std::unique_ptr<OutputFile>> out = OutputFile::Create(options.out);
  if (!out.ok()) return out.status();

  const SyntheticWorld world;
  GeneratorFigures figures;
  std::string text;
  AppendHeader(&text);
  for (uint64_t row = 0; row < options.rows; ++row) {
    const SyntheticImpression impression = world.Draw(options.seed, row);
    AppendRow(world, impression, &text);
    Count(impression, &figures);
    if (text.size() < kPieceBytes && figures.rows < options.rows) continue;
    if (absl::Status written = (*out)->Write(text); !written.ok()) return written;
    text.clear();
    if (progress) progress(figures.rows);
  }
  if (absl::Status finished = (*out)->Finish(); !finished.ok()) return finished;
  figures.click_log_loss /= static_cast<double>(figures.rows);
  figures.conversion_log_loss /= static_cast<double>(figures.rows);
  return figures;
}

}  // namespace adscore::trainer
