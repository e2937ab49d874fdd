// Cells by key, for as long as somebody who may write them is there: what belongs to a version that is gone
// disappears with it, however many versions come and go.
//
// Not thread-safe. The values live on their own: their holders need not know the map.
#pragma once

#include <iterator>
#include <map>
#include <memory>
#include <utility>

namespace adscore::server {

template <typename Key, typename Value>
class LiveMap {
 public:
  // The value of `key` that somebody holds and that `fits`, or else what `make` returns (a unique_ptr), which
  // takes the place of one that does not fit.
  template <typename Fits, typename Make>
  std::shared_ptr<const Value> Get(const Key& key, Fits fits, Make make) {
    RemoveDead();
    std::weak_ptr<const Value>& entry = values_[key];
    std::shared_ptr<const Value> value = entry.lock();
    if (value != nullptr && fits(*value)) return value;
    // Not make_shared: the memory must go with the last holder, not with this entry.
    value = std::shared_ptr<const Value>(make());
    entry = value;
    return value;
  }

  // Calls `visit(key, value)` for each that lives, by key.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const auto& [key, entry] : values_) {
      if (const std::shared_ptr<const Value> value = entry.lock()) visit(key, *value);
    }
  }

 private:
  void RemoveDead() {
    for (auto it = values_.begin(); it != values_.end();) {
      it = it->second.expired() ? values_.erase(it) : std::next(it);
    }
  }

  std::map<Key, std::weak_ptr<const Value>> values_;
};

}  // namespace adscore::server
