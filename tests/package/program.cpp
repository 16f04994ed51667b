// Ten lines against the installed package: lists the families.
#include <bascule/bridge.h>

#include <iostream>

int main() {
  for (const bascule::FamilyInfo& family : bascule::models()) {
    if (family.supported) std::cout << family.name << '\n';
  }
  std::cout << "bascule " << bascule::version() << '\n';
}
