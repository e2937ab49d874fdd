// A small ONNX network, and its import, for tests of the importer.
//
// Thread-safe: pure functions.
#pragma once

#include <memory>

#include "tests/trainer/import/onnx_builder.h"
#include "trainer/import/imported_model.h"
#include "trainer/import/onnx_import.h"

namespace adscore::trainer::testing {

inline absl::StatusOr<std::unique_ptr<const ImportedModel>> Import(const OnnxBuilder& builder,
                                                                   bool logits = false,
                                                                   const ImportOptions& options = {}) {
  absl::StatusOr<ImportedGraph> graph = ImportOnnxBytes(builder.Bytes(), "", logits);
  if (!graph.ok()) return graph.status();
  return ImportedModel::Make(*std::move(graph), options);
}

// x (2) → Gemm, Relu (3) → MatMul, Sigmoid → p.
inline OnnxBuilder Small() {
  OnnxBuilder b;
  b.Input("x", {2}).Floats("w", {2, 3}).Floats("b", {3}).Floats("v", {3, 1}).Output("p");
  b.Node("Gemm", {"x", "w", "b"}, "sum").Node("Relu", {"sum"}, "h").Node("MatMul", {"h", "v"}, "z");
  b.Node("Sigmoid", {"z"}, "p");
  return b;
}

}  // namespace adscore::trainer::testing
