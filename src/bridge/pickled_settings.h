// Settings that Python pickled, as the tree that a YAML file of them would be. Nothing is run: what
// is no plain value becomes a name. Pure.
#pragma once

#include "settings/tree.h"
#include "store/torch_dist/pickle_value.h"

namespace bascule {

/// The attributes of an argparse.Namespace: functions, types and other objects as run_config.yaml
/// spells them ({_target_: NAME}), tuples as lists. Throws Error{format} where it is another object
/// or holds more than settings can.
Tree pickled_settings(const pickle::Value& name_space);

}  // namespace bascule
