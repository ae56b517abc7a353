#include "middleware/pipeline.hpp"

namespace owind::middleware {

void Pipeline::use(std::unique_ptr<Middleware> middleware) {
  links_.push_back(std::make_unique<Link>(Link{std::move(middleware), entry_}));
  entry_ = AppFunc::of(*links_.back());
}

}  // namespace owind::middleware
