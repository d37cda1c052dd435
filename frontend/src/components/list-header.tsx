/** The head of a list that the URL filters: its title, what is filtered by as chips, and the fields that set it. */
import { ChoiceFilter, type ChoiceFilterProps } from './choice-filter.tsx';
import { FilterBar } from './filter-bar.tsx';
import { FilterInput } from './filter-input.tsx';
import { PageHeader, type PageHeaderProps } from './page-header.tsx';

export interface ListFilter<Name extends string> {
  /** In the URL. */
  name: Name;
  /** On the chip: `State`. */
  label: string;
  value: string | undefined;
  /** How it is set; without one it has a chip alone. */
  field?: { kind: 'text'; label: string } | ({ kind: 'choice' } & Pick<ChoiceFilterProps, 'any' | 'choices'>);
}

export interface ListHeaderProps<Name extends string> extends Omit<PageHeaderProps, 'filters' | 'onClearFilters'> {
  /** The text field first. */
  filters: readonly ListFilter<Name>[];
  onFilter: (name: Name, value: string | undefined) => void;
  onClear: () => void;
  /** Between the header and the fields. */
  children?: PageHeaderProps['description'];
}

export function ListHeader<Name extends string>({
  filters,
  onFilter,
  onClear,
  children,
  ...header
}: ListHeaderProps<Name>) {
  return (
    <>
      <PageHeader
        {...header}
        filters={filters
          .filter(({ value }) => value !== undefined)
          .map(({ name, label, value }) => ({
            label: `${label}: ${value}`,
            onRemove: () => onFilter(name, undefined),
          }))}
        onClearFilters={onClear}
      />
      {children}
      <FilterBar>
        {filters.map(({ name, label, value, field }) => {
          const onChange = (changed: string | undefined) => onFilter(name, changed);
          if (field === undefined) return null;
          return field.kind === 'text' ? (
            <FilterInput key={name} label={field.label} value={value} onChange={onChange} />
          ) : (
            <ChoiceFilter
              key={name}
              label={label}
              any={field.any}
              choices={field.choices}
              value={value}
              onChange={onChange}
            />
          );
        })}
      </FilterBar>
    </>
  );
}
