// The report of a model: one page of HTML that needs nothing from outside, to be read in a browser, mailed or
// kept beside the model.
//
// Thread-safe: pure function.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/snapshot.h"
#include "trainer/column_summary.h"
#include "trainer/evaluation.h"
#include "trainer/feature_importance.h"
#include "trainer/metrics.h"
#include "trainer/progressive.h"
#include "trainer/slices.h"
#include "trainer/snapshot_comparison.h"
#include "trainer/training_loop.h"
#include "trainer/verdict.h"

namespace adscore::trainer::report {

// What goes on the page; a part without content is left out. Text is text: the page escapes it.
struct Content {
  std::string title;     // "ads version 3"
  std::string measured;  // a sentence: which rows the figures are of
  model::Schema schema;
  std::vector<model::Head> heads;
  std::vector<HeadFigures> figures;  // by head
  std::vector<HeadRows> rows;        // by head: what the figures are of
  std::vector<HeadVerdict> verdicts;
  std::optional<SnapshotComparison> comparison;
  std::optional<ProgressiveResult> progressive;
  std::vector<LossLook> history;
  double best_epochs = 0;
  std::vector<FeatureImportance> importance;
  std::vector<ColumnSummary> columns;  // by feature
  // Of a log that is too large for memory: how many of the rows `importance` and `columns` are of; 0: all.
  size_t shuffled_rows = 0;
  size_t described_rows = 0;
  std::vector<ColumnSlices> slices;
  std::vector<std::string> notices;
  std::vector<std::pair<std::string, std::string>> provenance;  // name and value
};

std::string Page(const Content& content);

}  // namespace adscore::trainer::report
