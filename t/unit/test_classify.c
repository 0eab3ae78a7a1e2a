/* SPDX-License-Identifier: Apache-2.0 */
#include "classify.h"
#include "../tap.h"
int main(void){return done_testing();}
