// Models as GetModel and ListModels describe them.
//
// Thread-safe: pure functions over constant data.
#pragma once

#include "adscore/v1/model_service.pb.h"
#include "adscore/v1/prediction_service.pb.h"
#include "server/registry.h"

namespace adscore::server {

// `versions`: those of this model that are in memory.
void DescribeModel(const ServedModel& served, const ModelVersions& versions, v1::GetModelResponse* response);

void DescribeStatus(const ModelStatus& status, v1::ModelStatus* described);

}  // namespace adscore::server
