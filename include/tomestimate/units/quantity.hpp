// SPDX-License-Identifier: Apache-2.0
// Quantities of the model: Boost.Units over one homogeneous system (metre, kilogram, second, bit,
// cycle, token, operation, volt, degree), generic over the number type T that carries the value.
//
// Cycle, token and operation are base dimensions on purpose: a clock is cycles per second, so a
// "bits per cycle" can't be added to a "bits per second", nor tokens/s be mistaken for op/s. Volt
// and degree Celsius are too: the equations only take ratios of voltages and differences of
// temperatures.
#pragma once

#include <boost/units/base_dimension.hpp>
#include <boost/units/base_unit.hpp>
#include <boost/units/base_units/information/bit.hpp>
#include <boost/units/base_units/si/kilogram.hpp>
#include <boost/units/base_units/si/meter.hpp>
#include <boost/units/base_units/si/second.hpp>
#include <boost/units/derived_dimension.hpp>
#include <boost/units/make_system.hpp>
#include <boost/units/physical_dimensions.hpp>
#include <boost/units/physical_dimensions/information.hpp>
#include <boost/units/quantity.hpp>
#include <boost/units/unit.hpp>

namespace tomestimate::units {

namespace bu = boost::units;

// Ordinals below 0 belong to Boost; ours only have to be unique in this program.
struct cycle_base_dimension : bu::base_dimension<cycle_base_dimension, 9001> {};
struct token_base_dimension : bu::base_dimension<token_base_dimension, 9002> {};
struct operation_base_dimension : bu::base_dimension<operation_base_dimension, 9003> {};

struct voltage_base_dimension : bu::base_dimension<voltage_base_dimension, 9004> {};
struct celsius_base_dimension : bu::base_dimension<celsius_base_dimension, 9005> {};

using cycle_dimension = cycle_base_dimension::dimension_type;
using token_dimension = token_base_dimension::dimension_type;
using operation_dimension = operation_base_dimension::dimension_type;
using voltage_dimension = voltage_base_dimension::dimension_type;
using celsius_dimension = celsius_base_dimension::dimension_type;

struct cycle_base_unit : bu::base_unit<cycle_base_unit, cycle_dimension, 9101> {};
struct token_base_unit : bu::base_unit<token_base_unit, token_dimension, 9102> {};
struct operation_base_unit : bu::base_unit<operation_base_unit, operation_dimension, 9103> {};
struct volt_base_unit : bu::base_unit<volt_base_unit, voltage_dimension, 9104> {};
struct celsius_base_unit : bu::base_unit<celsius_base_unit, celsius_dimension, 9105> {};

using chip_system =
    bu::make_system<bu::si::meter_base_unit, bu::si::kilogram_base_unit, bu::si::second_base_unit,
                    bu::information::bit_base_unit, cycle_base_unit, token_base_unit,
                    operation_base_unit, volt_base_unit, celsius_base_unit>::type;

template <class Dimension>
using unit_of = bu::unit<Dimension, chip_system>;

using dimensionless_unit = unit_of<bu::dimensionless_type>;
using length_unit = unit_of<bu::length_dimension>;
using area_unit = unit_of<bu::area_dimension>;
using time_unit = unit_of<bu::time_dimension>;
using energy_unit = unit_of<bu::energy_dimension>;
using power_unit = unit_of<bu::power_dimension>;
using information_unit = unit_of<bu::information_dimension>;
using cycle_unit = unit_of<cycle_dimension>;
using token_unit = unit_of<token_dimension>;
using operation_unit = unit_of<operation_dimension>;
using voltage_unit = unit_of<voltage_dimension>;
using celsius_unit = unit_of<celsius_dimension>;

template <class A, class B>
using per = typename bu::divide_typeof_helper<A, B>::type;

using frequency_unit = per<cycle_unit, time_unit>;
using bandwidth_unit = per<information_unit, time_unit>;
using port_unit = per<information_unit, cycle_unit>;
using energy_per_bit_unit = per<energy_unit, information_unit>;
using energy_per_cycle_unit = per<energy_unit, cycle_unit>;
using energy_per_token_unit = per<energy_unit, token_unit>;
using power_per_bit_unit = per<power_unit, information_unit>;
using power_density_unit = per<power_unit, area_unit>;
using energy_density_unit = per<energy_unit, area_unit>;
using area_per_bit_unit = per<area_unit, information_unit>;
using bit_density_unit = per<information_unit, area_unit>;
using token_rate_unit = per<token_unit, time_unit>;
using token_rate_density_unit = per<token_rate_unit, area_unit>;
using operation_rate_unit = per<operation_unit, time_unit>;
using operations_per_energy_unit = per<operation_unit, energy_unit>;
using energy_per_bit_length_unit = per<energy_per_bit_unit, length_unit>;
using area_per_port_unit = per<area_unit, port_unit>;
using area_per_bandwidth_unit = per<area_unit, bandwidth_unit>;

template <class Unit, class T>
using Quantity = bu::quantity<Unit, T>;

template <class T>
using Length = Quantity<length_unit, T>;
template <class T>
using Area = Quantity<area_unit, T>;
template <class T>
using Time = Quantity<time_unit, T>;
template <class T>
using Energy = Quantity<energy_unit, T>;
template <class T>
using Power = Quantity<power_unit, T>;
template <class T>
using Bits = Quantity<information_unit, T>;
template <class T>
using Cycles = Quantity<cycle_unit, T>;
template <class T>
using Tokens = Quantity<token_unit, T>;
template <class T>
using Operations = Quantity<operation_unit, T>;
template <class T>
using Frequency = Quantity<frequency_unit, T>;
template <class T>
using Bandwidth = Quantity<bandwidth_unit, T>;
template <class T>
using PortWidth = Quantity<port_unit, T>;
template <class T>
using EnergyPerBit = Quantity<energy_per_bit_unit, T>;
template <class T>
using EnergyPerCycle = Quantity<energy_per_cycle_unit, T>;
template <class T>
using EnergyPerToken = Quantity<energy_per_token_unit, T>;
template <class T>
using PowerPerBit = Quantity<power_per_bit_unit, T>;
template <class T>
using PowerDensity = Quantity<power_density_unit, T>;
template <class T>
using EnergyDensity = Quantity<energy_density_unit, T>;
template <class T>
using AreaPerBit = Quantity<area_per_bit_unit, T>;
template <class T>
using BitDensity = Quantity<bit_density_unit, T>;
template <class T>
using TokenRate = Quantity<token_rate_unit, T>;
template <class T>
using TokenRateDensity = Quantity<token_rate_density_unit, T>;
template <class T>
using OperationRate = Quantity<operation_rate_unit, T>;
template <class T>
using OperationsPerEnergy = Quantity<operations_per_energy_unit, T>;
template <class T>
using Voltage = Quantity<voltage_unit, T>;
template <class T>
using Temperature = Quantity<celsius_unit, T>;  // in degrees Celsius
template <class T>
using EnergyPerBitLength = Quantity<energy_per_bit_length_unit, T>;
template <class T>
using AreaPerPort = Quantity<area_per_port_unit, T>;
template <class T>
using AreaPerBandwidth = Quantity<area_per_bandwidth_unit, T>;

// Brands a bare number: bits(T{2}) is 2 bit. The inverse is quantity.value(), in base units.
template <class T>
constexpr Bits<T> bits(T value) {
  return Bits<T>::from_value(value);
}
template <class T>
constexpr Cycles<T> cycles(T value) {
  return Cycles<T>::from_value(value);
}
template <class T>
constexpr Tokens<T> tokens(T value) {
  return Tokens<T>::from_value(value);
}
template <class T>
constexpr Operations<T> operations(T value) {
  return Operations<T>::from_value(value);
}

}  // namespace tomestimate::units
