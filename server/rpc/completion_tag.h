// What a completion queue hands back: an event of a call, that leads to a member function of the call's
// object.
//
// Not thread-safe: a tag is used by the loop that owns its completion queue.
#pragma once

namespace adscore::server {

class CompletionTag {
 public:
  // `ok` as gRPC means it: false if what was asked for did not happen.
  virtual void OnEvent(bool ok) = 0;

 protected:
  ~CompletionTag() = default;
};

template <typename Owner>
class MemberTag final : public CompletionTag {
 public:
  using Handler = void (Owner::*)(bool ok);

  MemberTag(Owner* owner, Handler handler) : owner_(owner), handler_(handler) {}
  void OnEvent(bool ok) override { (owner_->*handler_)(ok); }

 private:
  Owner* const owner_;
  const Handler handler_;
};

}  // namespace adscore::server
